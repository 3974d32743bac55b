"""A collector that misbehaves as it is told: receiver.py LOG SCRIPT [CERTIFICATE KEY [CLIENT_CA]]

SCRIPT is a JSON list of what to do with each request in turn; afterwards all are taken. Each line of LOG is JSON: the
ports first, then one line a request with what the reference decoder makes of it.
"""
import asyncio, base64, gzip, json, ssl, sys, time
from email.utils import formatdate

import grpc
from aiohttp import web
from google.protobuf import any_pb2, duration_pb2, json_format
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as metrics_service
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as grpc_metrics_service
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as service, trace_service_pb2_grpc as grpc_service

log = open(sys.argv[1], "w", buffering=1)
script = json.loads(sys.argv[2])


def value(any_value):
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(one) for one in any_value.array_value.values]
    return {"none": True} if kind is None else {kind: getattr(any_value, kind)}


def attributes(pairs):
    return [[pair.key, json.dumps(value(pair.value))] for pair in pairs]


def spans(request):
    for resource_spans in request.resource_spans:
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield {
                    "resource": attributes(resource_spans.resource.attributes), "scope": scope_spans.scope.name,
                    "schema": [resource_spans.schema_url, scope_spans.schema_url],
                    "traceID": span.trace_id.hex(), "spanID": span.span_id.hex(), "parent": span.parent_span_id.hex(),
                    "state": span.trace_state, "name": span.name, "kind": span.kind, "flags": span.flags,
                    "start": str(span.start_time_unix_nano), "end": str(span.end_time_unix_nano),
                    "attributes": attributes(span.attributes),
                    "dropped": [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count],
                    "events": [[str(e.time_unix_nano), e.name, json.dumps(attributes(e.attributes))] for e in span.events],
                    "links": [[l.trace_id.hex(), l.span_id.hex(), l.trace_state, str(l.flags),
                               json.dumps(attributes(l.attributes))] for l in span.links],
                    "status": [str(span.status.code), span.status.message],
                }


def point(point):
    is_histogram = hasattr(point, "bucket_counts")
    value = point.sum if is_histogram else getattr(point, point.WhichOneof("value"))
    return {
        "attributes": attributes(point.attributes), "start": str(point.start_time_unix_nano),
        "time": str(point.time_unix_nano), "value": value, "count": point.count if is_histogram else 0,
        "buckets": list(point.bucket_counts) if is_histogram else [],
        "bounds": list(point.explicit_bounds) if is_histogram else [],
        "exemplars": [[e.trace_id.hex(), e.span_id.hex(), str(e.time_unix_nano), str(e.as_double)] for e in point.exemplars],
    }


def metrics(request):
    for resource_metrics in request.resource_metrics:
        for scope_metrics in resource_metrics.scope_metrics:
            for metric in scope_metrics.metrics:
                kind = metric.WhichOneof("data")
                data = getattr(metric, kind)
                yield {
                    "resource": attributes(resource_metrics.resource.attributes), "scope": scope_metrics.scope.name,
                    "schema": [resource_metrics.schema_url, scope_metrics.schema_url],
                    "name": metric.name, "description": metric.description, "unit": metric.unit, "kind": kind,
                    "temporality": getattr(data, "aggregation_temporality", 0),
                    "isMonotonic": getattr(data, "is_monotonic", False), "points": [point(one) for one in data.data_points],
                }


def note(request, **others):
    action = script.pop(0) if script else "ok"
    is_metrics = isinstance(request, metrics_service.ExportMetricsServiceRequest)
    content = {"spans": [], "metrics": list(metrics(request))} if is_metrics else {"spans": list(spans(request)), "metrics": []}
    log.write(json.dumps({"action": json.dumps(action), "time": time.time(), **content, **others}) + "\n")
    return action


def partial(reply, action):
    """Says in a reply that a part was not taken."""
    if "partial" in action:
        is_metrics = isinstance(reply, metrics_service.ExportMetricsServiceResponse)
        setattr(reply.partial_success, "rejected_data_points" if is_metrics else "rejected_spans", action["partial"])
        reply.partial_success.error_message = action.get("text", "")


def from_json(text, message):
    """Ids are hexadecimal in OTLP's JSON, base64 in protobuf's."""
    def convert(node):
        if isinstance(node, list):
            return [convert(one) for one in node]
        if not isinstance(node, dict):
            return node
        ids = ("traceId", "spanId", "parentSpanId")
        return {k: base64.b64encode(bytes.fromhex(v)).decode() if k in ids else convert(v) for k, v in node.items()}
    return json_format.ParseDict(convert(json.loads(text)), message)


async def over_http(request):
    body = await request.read()  # aiohttp has undone gzip
    is_json = request.content_type == "application/json"
    is_metrics = request.path == "/v1/metrics"
    kind = metrics_service.ExportMetricsServiceRequest if is_metrics else service.ExportTraceServiceRequest
    decoded = from_json(body, kind()) if is_json else kind.FromString(body)
    action = note(decoded, path=request.path_qs, headers=[list(pair) for pair in request.headers.items()],
                  peer=str(request.transport.get_extra_info("peername")))
    if action == "hang":
        await asyncio.sleep(3600)
    if action in ("drop", "garbage", "middle"):
        begin = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc"
        if action != "drop":
            request.transport.write(b"\x00\xffnot http\r\n\r\n" if action == "garbage" else begin)
            await asyncio.sleep(0.05)
        request.transport.close()
        return web.Response()
    if action == "empty":
        return web.Response(status=200, headers={"Content-Type": ""})
    if action == "large":
        return web.Response(body=b"x" * (5 << 20), content_type="application/x-protobuf")
    reply = metrics_service.ExportMetricsServiceResponse() if is_metrics else service.ExportTraceServiceResponse()
    if isinstance(action, dict):
        await asyncio.sleep(action.get("slow", 0))
        if "status" in action:
            after = action.get("after", "")
            if after.startswith("date+"):
                after = formatdate(time.time() + int(after[5:]), usegmt=True)
            return web.Response(status=action["status"], text=action.get("text", ""), headers={"Retry-After": after} if after else {})
        partial(reply, action)
    if is_json:
        return web.Response(text=json_format.MessageToJson(reply), content_type="application/json")
    return web.Response(body=reply.SerializeToString(), content_type="application/x-protobuf")


async def over_grpc(request, context, reply):
    action = note(request, path="grpc", headers=[[k, str(v)] for k, v in context.invocation_metadata()], peer=context.peer())
    if action == "hang":
        await asyncio.sleep(3600)
    if action == "large":
        reply.partial_success.error_message = "x" * (5 << 20)
    if isinstance(action, dict):
        await asyncio.sleep(action.get("slow", 0))
        if "grpc" in action:
            if "retry" in action:
                delay = duration_pb2.Duration(nanos=action["retry"] * 1_000_000).SerializeToString()
                info = any_pb2.Any(type_url="type.googleapis.com/google.rpc.RetryInfo", value=b"\x0a" + bytes([len(delay)]) + delay)
                info = info.SerializeToString()
                context.set_trailing_metadata((("grpc-status-details-bin", b"\x08\x0e\x1a" + bytes([len(info)]) + info),))
            await context.abort(getattr(grpc.StatusCode, action["grpc"]), action.get("text", ""))
        partial(reply, action)
    return reply


class TracesOverGRPC(grpc_service.TraceServiceServicer):
    async def Export(self, request, context):
        return await over_grpc(request, context, service.ExportTraceServiceResponse())


class MetricsOverGRPC(grpc_metrics_service.MetricsServiceServicer):
    async def Export(self, request, context):
        return await over_grpc(request, context, metrics_service.ExportMetricsServiceResponse())


async def main():
    tls, credentials = None, None
    if len(sys.argv) > 3:
        certificate, key = sys.argv[3:5]
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate, key)
        clients = open(sys.argv[5], "rb").read() if len(sys.argv) > 5 else None
        if clients:
            tls.load_verify_locations(sys.argv[5])
            tls.verify_mode = ssl.CERT_REQUIRED
        pair = (open(key, "rb").read(), open(certificate, "rb").read())
        credentials = grpc.ssl_server_credentials([pair], clients, clients is not None)
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", 64 << 20)])
    grpc_service.add_TraceServiceServicer_to_server(TracesOverGRPC(), server)
    grpc_metrics_service.add_MetricsServiceServicer_to_server(MetricsOverGRPC(), server)
    where = "127.0.0.1:0"
    grpc_port = server.add_secure_port(where, credentials) if credentials else server.add_insecure_port(where)
    await server.start()
    application = web.Application(client_max_size=128 << 20)
    application.router.add_post("/{path:.*}", over_http)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    log.write(json.dumps({"http": site._server.sockets[0].getsockname()[1], "grpc": grpc_port}) + "\n")
    await asyncio.sleep(3600)


asyncio.run(main())
