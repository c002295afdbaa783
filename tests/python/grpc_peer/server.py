"""A server of grpc.testing.TestService on grpcio: server.py NAME."""

import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc

from messages import EMPTY, RESPONSE_SIZE, STATUS, decode, encode, payload, payload_size

NAME = sys.argv[1]


def begin(context):
    """Sends what is known before the answer, and sets what comes after it."""
    asked = dict(context.invocation_metadata())
    initial = [("server", NAME)]
    if "x-grpc-test-echo-initial" in asked:
        initial.append(("x-grpc-test-echo-initial", asked["x-grpc-test-echo-initial"]))
    context.send_initial_metadata(initial)
    trailing = [("server", NAME)]
    if "x-grpc-test-echo-trailing-bin" in asked:
        trailing.append(("x-grpc-test-echo-trailing-bin", asked["x-grpc-test-echo-trailing-bin"]))
    if "x-test-details-bin" in asked:
        trailing.append(("grpc-status-details-bin", asked["x-test-details-bin"]))
    context.set_trailing_metadata(trailing)


def fail_if_asked(fields, context):
    for found in fields.get(STATUS, []):
        error = decode(found)
        if error.get(1, [0])[0]:
            code = next(code for code in grpc.StatusCode if code.value[0] == error[1][0])
            context.abort(code, error.get(2, [b""])[0].decode())


def empty_call(_request, context):
    begin(context)
    return EMPTY


def unary_call(request, context):
    begin(context)
    fields = decode(request)
    fail_if_asked(fields, context)
    return encode((1, payload(fields.get(RESPONSE_SIZE, [0])[0])))


def streaming_output_call(request, context):
    begin(context)
    yield from outputs(request, context)


def streaming_input_call(requests, context):
    begin(context)
    return encode((1, sum(payload_size(request) for request in requests)))


def full_duplex_call(requests, context):
    begin(context)
    for request in requests:
        yield from outputs(request, context)


def outputs(request, context):
    fields = decode(request)
    for found in fields.get(2, []):
        parameters = decode(found)
        time.sleep(parameters.get(2, [0])[0] / 1e6)
        yield encode((1, payload(parameters.get(1, [0])[0])))
    fail_if_asked(fields, context)


METHODS = {
    "/grpc.testing.TestService/EmptyCall": grpc.unary_unary_rpc_method_handler(empty_call),
    "/grpc.testing.TestService/UnaryCall": grpc.unary_unary_rpc_method_handler(unary_call),
    "/grpc.testing.TestService/StreamingOutputCall": grpc.unary_stream_rpc_method_handler(streaming_output_call),
    "/grpc.testing.TestService/StreamingInputCall": grpc.stream_unary_rpc_method_handler(streaming_input_call),
    "/grpc.testing.TestService/FullDuplexCall": grpc.stream_stream_rpc_method_handler(full_duplex_call),
}


class Methods(grpc.GenericRpcHandler):
    """Messages stay bytes."""

    def service(self, details):
        return METHODS.get(details.method)


# Before there are other threads, which would end with the process otherwise.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1), ("grpc.so_reuseport", 0)]
server = grpc.server(ThreadPoolExecutor(max_workers=64), handlers=[Methods()], options=options)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
print(f"serving grpc on /127.0.0.1:{port}", flush=True)
signal.sigwait([signal.SIGTERM])
server.stop(grace=10).wait()
