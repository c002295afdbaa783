"""The messages of grpc.testing, as bytes: fields that are integers or bytes, and nothing else."""

EMPTY = b""
RESPONSE_SIZE, PAYLOAD, STATUS = 2, 3, 7


def encode(*fields):
    """Fields as (number, value), in order. Zeros and empty values are left out."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            if value:
                out += varint(number << 3) + varint(value)
        elif value:
            out += varint(number << 3 | 2) + varint(len(value)) + value
    return bytes(out)


def decode(data):
    """Values by field number, each a list."""
    fields, at = {}, 0
    while at < len(data):
        tag, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if tag & 7 == 2:
            value, at = data[at : at + value], at + value
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def varint(value):
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def payload(size):
    """A Payload of so many bytes."""
    return encode((2, bytes(size)))


def payload_size(message, number=1):
    """The size of the Payload in this field of a message."""
    for found in decode(message).get(number, []):
        return len(decode(found).get(2, [b""])[0])
    return 0


def status(code, message):
    """An EchoStatus."""
    return encode((1, code), (2, message.encode()))


def simple_request(response_size=0, size=0, error=EMPTY):
    return encode((RESPONSE_SIZE, response_size), (PAYLOAD, payload(size)), (STATUS, error))


def output_request(sizes=(), interval_us=0, size=0, error=EMPTY):
    parameters = [(2, encode((1, each), (2, interval_us)) or varint(1 << 3) + b"\0") for each in sizes]
    return encode(*parameters, (PAYLOAD, payload(size)), (STATUS, error))
