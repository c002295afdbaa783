"""Clients on grpcio: client.py cases ADDRESS, or client.py load ADDRESS CALLERS, which calls until SIGTERM."""

import signal
import sys
import threading
import traceback

import grpc

import messages

SERVICE = "/grpc.testing.TestService/"
OPTIONS = [
    ("grpc.default_authority", "web"),
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A proxy of the environment is not what is tested.
    ("grpc.enable_http_proxy", 0),
]
LIMIT = 20


def check(found, wanted):
    assert found == wanted, f"{found!r}, not {wanted!r}"


def fails(call, code):
    """The error of a call that must end with this code."""
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} ({error.details()}), not {code}"
        return error
    raise AssertionError(f"success, not {code}")


def unary(channel):
    answer, call = channel.unary_unary(SERVICE + "UnaryCall").with_call(messages.simple_request(314159, 271828), timeout=LIMIT)
    check(messages.payload_size(answer), 314159)
    assert dict(call.initial_metadata())["server"]
    check(channel.unary_unary(SERVICE + "EmptyCall")(messages.EMPTY, timeout=LIMIT), messages.EMPTY)


def client_stream(channel):
    sizes = (27182, 8, 1828, 45904)
    requests = (messages.encode((1, messages.payload(size))) for size in sizes)
    answer = channel.stream_unary(SERVICE + "StreamingInputCall")(requests, timeout=LIMIT)
    check(messages.decode(answer)[1], [sum(sizes)])


def server_stream(channel):
    sizes = [31415, 9, 2653, 58979]
    answers = channel.unary_stream(SERVICE + "StreamingOutputCall")(messages.output_request(sizes), timeout=LIMIT)
    check([messages.payload_size(answer) for answer in answers], sizes)


class Asking:
    """Requests of a stream, each sent when it is asked for."""

    def __init__(self):
        self.ready, self.next, self.is_over = threading.Semaphore(0), [], False

    def send(self, request):
        self.next.append(request)
        self.ready.release()

    def close(self):
        self.is_over = True
        self.ready.release()

    def __iter__(self):
        return self

    def __next__(self):
        self.ready.acquire()
        if self.next:
            return self.next.pop(0)
        raise StopIteration


def ping_pong(channel):
    asking = Asking()
    answers = channel.stream_stream(SERVICE + "FullDuplexCall")(asking, timeout=LIMIT)
    for size, answer in ((27182, 31415), (8, 9), (1828, 2653), (45904, 58979)):
        asking.send(messages.output_request([answer], size=size))
        check(messages.payload_size(next(answers)), answer)
    asking.close()
    check(list(answers), [])


def deadline(channel):
    sleeping = messages.output_request([1], interval_us=5_000_000)
    answers = channel.unary_stream(SERVICE + "StreamingOutputCall")(sleeping, timeout=0.2)
    fails(lambda: list(answers), grpc.StatusCode.DEADLINE_EXCEEDED)


def cancellation(channel):
    asking = Asking()
    answers = channel.stream_stream(SERVICE + "FullDuplexCall")(asking, timeout=LIMIT)
    asking.send(messages.output_request([1]))
    check(messages.payload_size(next(answers)), 1)
    answers.cancel()
    fails(lambda: next(answers), grpc.StatusCode.CANCELLED)
    asking.close()
    check(channel.unary_unary(SERVICE + "EmptyCall")(messages.EMPTY, timeout=LIMIT), messages.EMPTY)


def metadata(channel):
    binary = bytes(range(256))
    sent = (("x-grpc-test-echo-initial", "some text"), ("x-grpc-test-echo-trailing-bin", binary))
    _, call = channel.unary_unary(SERVICE + "UnaryCall").with_call(messages.simple_request(1), timeout=LIMIT, metadata=sent)
    check(dict(call.initial_metadata())["x-grpc-test-echo-initial"], "some text")
    check(dict(call.trailing_metadata())["x-grpc-test-echo-trailing-bin"], binary)


def large_messages(channel):
    size = 16 << 20
    answer = channel.unary_unary(SERVICE + "UnaryCall")(messages.simple_request(size, size), timeout=LIMIT)
    check(messages.payload_size(answer), size)


def errors_with_details(channel):
    message, details = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n", b"\x08\x0a\x12\x04what\x00\xff"
    asked = messages.status(10, message)
    sent = (("x-test-details-bin", details),)
    error = fails(
        lambda: channel.unary_unary(SERVICE + "UnaryCall")(messages.simple_request(error=asked), timeout=LIMIT, metadata=sent),
        grpc.StatusCode.ABORTED,
    )
    check(error.details(), message)
    check(dict(error.trailing_metadata())["grpc-status-details-bin"], details)
    # Here the error stands in real trailers.
    answers = channel.unary_stream(SERVICE + "StreamingOutputCall")(
        messages.output_request([5], error=asked), timeout=LIMIT, metadata=sent
    )
    check(messages.payload_size(next(answers)), 5)
    error = fails(lambda: next(answers), grpc.StatusCode.ABORTED)
    check(error.details(), message)
    check(dict(error.trailing_metadata())["grpc-status-details-bin"], details)


def unimplemented(channel):
    for method in (SERVICE + "UnimplementedCall", SERVICE + "None", "/grpc.testing.None/None"):
        fails(lambda: channel.unary_unary(method)(messages.EMPTY, timeout=LIMIT), grpc.StatusCode.UNIMPLEMENTED)


def many_at_once(channel):
    call = channel.unary_unary(SERVICE + "UnaryCall")
    futures = [call.future(messages.simple_request(number, number), timeout=LIMIT) for number in range(1, 300)]
    check([messages.payload_size(future.result()) for future in futures], list(range(1, 300)))


def compressed(channel):
    call = channel.unary_unary(SERVICE + "UnaryCall")
    answer = call(messages.simple_request(314159, 271828), timeout=LIMIT, compression=grpc.Compression.Gzip)
    check(messages.payload_size(answer), 314159)


CASES = [
    unary,
    client_stream,
    server_stream,
    ping_pong,
    deadline,
    cancellation,
    metadata,
    large_messages,
    errors_with_details,
    unimplemented,
    many_at_once,
]


def cases(address, more):
    """Runs the cases, and those of the names that are given."""
    failed = 0
    with grpc.insecure_channel(address, OPTIONS) as channel:
        for case in CASES + [globals()[name] for name in more]:
            try:
                case(channel)
                print("ok", case.__name__, flush=True)
            except Exception:
                failed += 1
                print("FAILED", case.__name__, traceback.format_exc(), flush=True)
    sys.exit(failed)


def load(address, callers):
    """Says when calls flow, calls until SIGTERM, and says what became of the calls."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    answered, failed, stop = [0] * callers, [], threading.Event()

    def caller(index):
        # Its own connection.
        options = OPTIONS + [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(address, options) as channel:
            call = channel.unary_unary(SERVICE + "UnaryCall")
            while not stop.is_set():
                try:
                    call(messages.simple_request(5, 5), timeout=LIMIT)
                    answered[index] += 1
                except grpc.RpcError as error:
                    failed.append(f"{error.code()}: {error.details()}")

    threads = [threading.Thread(target=caller, args=(index,)) for index in range(callers)]
    for thread in threads:
        thread.start()
    while not sum(answered) and not failed:
        stop.wait(0.01)
    print("calls flow", flush=True)
    signal.sigwait([signal.SIGTERM])
    stop.set()
    for thread in threads:
        thread.join()
    print(f"{sum(answered)} answered, {len(failed)} failed {failed[:3]}", flush=True)


if sys.argv[1] == "load":
    load(sys.argv[2], int(sys.argv[3]))
else:
    cases(sys.argv[2], sys.argv[3:])
