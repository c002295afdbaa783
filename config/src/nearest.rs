//! What somebody probably meant.

/// The word of `known` that is nearest to `written`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(
    written: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let near = known.into_iter().filter_map(|word| {
        let distance = distance(written, word);
        let allowed = written.len().max(word.len()) / 3;
        (distance <= allowed.max(1)).then_some((distance, word))
    });
    near.min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters were missed, added, changed or swapped with their neighbour. Case does not count.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.to_lowercase().chars().collect();
    let b: Vec<char> = b.to_lowercase().chars().collect();
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for (i, &letter) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &other) in b.iter().enumerate() {
            let changed = rows[i][j] + usize::from(letter != other);
            let mut least = changed.min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && letter == b[j - 1] && a[i - 1] == other {
                least = least.min(rows[i - 1][j - 1] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_recognised_and_a_different_word_is_not() {
        let known = ["port", "ip", "socketOptions", "maxCallDepth"];
        for (written, meant) in [
            ("prot", Some("port")),
            ("Port", Some("port")),
            ("socketoption", Some("socketOptions")),
            ("maxCalldeph", Some("maxCallDepth")),
            ("maxDepth", Some("maxCallDepth")),
            ("p", Some("ip")),
            ("host", None),
            ("timeoutMs", None),
        ] {
            assert_eq!(nearest(written, known), meant, "{written}");
        }
    }
}
