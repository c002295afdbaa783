//! The language of names, from outside.

mod conformance;
mod corpus;
mod laws;
