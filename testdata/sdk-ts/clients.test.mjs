// Drives an engine from JavaScript: with the generated clients of the reference's SDK for TypeScript (0.88.9: its
// own context refuses any engine but 0.88, and ours says that it is 1.20), with clients made of this project's
// .proto files, and over gRPC-Web and Connect as web pages do.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createRequire } from "node:module";
import path from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";
import zlib from "node:zlib";

const require = createRequire(import.meta.url);
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");
const { Empty } = require("google-protobuf/google/protobuf/empty_pb.js");
const bindings = "kurtosis-sdk/build";
const enginePb = require(`${bindings}/engine/kurtosis_engine_rpc_api_bindings/engine_service_pb.js`);
const engineGrpc = require(`${bindings}/engine/kurtosis_engine_rpc_api_bindings/engine_service_grpc_pb.js`);
const apiPb = require(`${bindings}/core/kurtosis_core_rpc_api_bindings/api_container_service_pb.js`);
const apiGrpc = require(`${bindings}/core/kurtosis_core_rpc_api_bindings/api_container_service_grpc_pb.js`);

const image = process.env.SDK_TEST_IMAGE;
assert.ok(image, "SDK_TEST_IMAGE names the test image; scripts/test-sdk.sh sets it");
const engineAddress = process.env.SDK_TEST_ENGINE ?? "127.0.0.1:9710";
const plaintext = grpc.credentials.createInsecure();
const script = `
def run(plan, args):
    plan.print("hello " + args["who"])
    plan.add_service(name="web", config=ServiceConfig(
        image="${image}", cmd=["print", "one apple", "two pears", "+", "http", "8080", "it works"],
        ports={"http": PortSpec(number=8080, application_protocol="http")}))
    return args["who"]
`;

// unary and collect make promises of calls.
const unary = (client, method, request) =>
  new Promise((resolve, reject) => client[method](request, (error, response) => (error ? reject(error) : resolve(response))));
const collect = (stream) =>
  new Promise((resolve, reject) => {
    const messages = [];
    stream.on("data", (message) => messages.push(message));
    stream.on("error", reject);
    stream.on("end", () => resolve(messages));
  });
const chunks = (data, size = 3 << 20) => {
  const list = [];
  let previous = "";
  for (let at = 0; at < data.length || at === 0; at += size) {
    const part = data.subarray(at, at + size);
    list.push({ part, previous });
    previous = createHash("sha1").update(part).digest("hex");
  }
  return list;
};

// tar makes an archive of one file.
function tar(name, content) {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(content.length.toString(8).padStart(11, "0") + "\0", 124);
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write("0", 156);
  header.write("ustar\0" + "00", 257);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(sum.toString(8).padStart(6, "0") + "\0 ", 148);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512), Buffer.alloc(1024)]);
}

// withEnclave makes an enclave with the SDK's client and removes it afterwards.
async function withEnclave(t, body) {
  const engine = new engineGrpc.EngineServiceClient(engineAddress, plaintext);
  const name = "sdk-ts-" + randomBytes(3).toString("hex");
  const args = new enginePb.CreateEnclaveArgs();
  args.setEnclaveName(name);
  const info = (await unary(engine, "createEnclave", args)).getEnclaveInfo();
  t.after(async () => {
    const destroy = new enginePb.DestroyEnclaveArgs();
    destroy.setEnclaveIdentifier(name);
    await unary(engine, "destroyEnclave", destroy);
    engine.close();
  });
  const host = info.getApiContainerHostMachineInfo();
  await body(engine, info, `${host.getIpOnHostMachine()}:${host.getGrpcPortOnHostMachine()}`);
}

test("the generated clients of the reference's SDK", async (t) => {
  await withEnclave(t, async (engine, info, address) => {
    const version = await unary(engine, "getEngineInfo", new Empty());
    assert.equal(version.getEngineVersion(), "1.20.0");
    const all = await unary(engine, "getEnclaves", new Empty());
    assert.ok(all.getEnclaveInfoMap().has(info.getEnclaveUuid()));
    const past = await unary(engine, "getExistingAndHistoricalEnclaveIdentifiers", new Empty());
    assert.ok(past.getAllidentifiersList().some((i) => i.getName() === info.getName()));

    const api = new apiGrpc.ApiContainerServiceClient(address, plaintext);
    t.after(() => api.close());
    const run = new apiPb.RunStarlarkScriptArgs();
    run.setSerializedScript(script);
    run.setSerializedParams('{"who": "world"}');
    const lines = await collect(api.runStarlarkScript(run));
    const results = lines.filter((l) => l.hasInstructionResult()).map((l) => l.getInstructionResult().getSerializedInstructionResult());
    assert.equal(results[0], "hello world");
    assert.match(results[1], /^Service 'web' added with service UUID '[0-9a-f]{32}'$/);
    const end = lines.at(-1).getRunFinishedEvent();
    assert.ok(end.getIsRunSuccessful());
    assert.equal(end.getSerializedOutput(), '"world"');

    const services = (await unary(api, "getServices", new apiPb.GetServicesArgs())).getServiceInfoMap();
    const web = services.get("web");
    assert.equal(web.getServiceStatus(), apiPb.ServiceStatus.RUNNING);
    assert.equal(web.getPrivatePortsMap().get("http").getNumber(), 8080);
    const answer = await fetch(`http://127.0.0.1:${web.getMaybePublicPortsMap().get("http").getNumber()}/`);
    assert.equal(await answer.text(), "it works");

    const exec = new apiPb.ExecCommandArgs();
    exec.setServiceIdentifier("web");
    exec.setCommandArgsList(["/toolbox", "print", "executed"]);
    const executed = await unary(api, "execCommand", exec);
    assert.deepEqual([executed.getExitCode(), executed.getLogOutput()], [0, "executed\n"]);

    const wait = new apiPb.WaitForHttpGetEndpointAvailabilityArgs();
    wait.setServiceIdentifier("web");
    wait.setPort(8080);
    wait.setBodyText("it works");
    await unary(api, "waitForHttpGetEndpointAvailability", wait);
    wait.setBodyText("something else");
    await assert.rejects(unary(api, "waitForHttpGetEndpointAvailability", wait), /did not become available in 1 attempts: the body of its answer is another one/);

    const content = randomBytes(4 << 20);
    const archive = zlib.gzipSync(tar("random.bin", content));
    const uploaded = await new Promise((resolve, reject) => {
      const call = api.uploadFilesArtifact((error, response) => (error ? reject(error) : resolve(response)));
      for (const { part, previous } of chunks(archive)) {
        const chunk = new apiPb.StreamedDataChunk();
        chunk.setData(part);
        chunk.setPreviousChunkHash(previous);
        const metadata = new apiPb.DataChunkMetadata();
        metadata.setName("random");
        chunk.setMetadata(metadata);
        call.write(chunk);
      }
      call.end();
    });
    assert.match(uploaded.getUuid(), /^[0-9a-f]{32}$/);
    const download = new apiPb.DownloadFilesArtifactArgs();
    download.setIdentifier("random");
    const parts = await collect(api.downloadFilesArtifact(download));
    assert.ok(parts.length > 1, "it comes in chunks");
    for (let i = 0; i < parts.length; i++) {
      const before = i === 0 ? "" : createHash("sha1").update(parts[i - 1].getData_asU8()).digest("hex");
      assert.equal(parts[i].getPreviousChunkHash(), before);
    }
    const back = zlib.gunzipSync(Buffer.concat(parts.map((p) => p.getData_asU8())));
    assert.ok(back.includes(content.subarray(0, 1 << 20)), "what was uploaded comes back");

    const damaged = await new Promise((resolve) => {
      const call = api.uploadFilesArtifact((error) => resolve(error));
      for (const previous of ["", "0123"]) {
        const chunk = new apiPb.StreamedDataChunk();
        chunk.setData(archive.subarray(0, 1000));
        chunk.setPreviousChunkHash(previous);
        call.write(chunk);
      }
      call.end();
    });
    assert.match(damaged.details, /^a chunk of the upload is missing or damaged: the hash of the one before is "[0-9a-f]{40}", and "0123" was announced$/);

    const store = new apiPb.StoreFilesArtifactFromServiceArgs();
    store.setServiceIdentifier("web");
    store.setSourcePath("/from-image/default.txt");
    store.setName("stored");
    await unary(api, "storeFilesArtifactFromService", store);
    const which = new apiPb.FilesArtifactNameAndUuid();
    which.setFilename("stored");
    const inspect = new apiPb.InspectFilesArtifactContentsRequest();
    inspect.setFileNamesAndUuid(which);
    const files = (await unary(api, "inspectFilesArtifactContents", inspect)).getFileDescriptionsList();
    assert.deepEqual(files.map((f) => [f.getPath(), f.getTextPreview()]), [["default.txt", "from the image\n"]]);

    const yaml = new apiPb.StarlarkScriptPlanYamlArgs();
    yaml.setSerializedScript(script);
    yaml.setSerializedParams('{"who": "world"}');
    assert.match((await unary(api, "getStarlarkScriptPlanYaml", yaml)).getPlanYaml(), /name: web\n/);

    const logs = new enginePb.GetServiceLogsArgs();
    logs.setEnclaveIdentifier(info.getName());
    logs.getServiceUuidSetMap().set(web.getServiceUuid(), true);
    logs.setReturnAllLogs(true);
    const said = (await collect(engine.getServiceLogs(logs))).flatMap((m) => m.getServiceLogsByServiceUuidMap().get(web.getServiceUuid()).getLineList());
    assert.deepEqual(said, ["one apple", "two pears"]);
    const stop = new enginePb.StopEnclaveArgs();
    stop.setEnclaveIdentifier(info.getShortenedUuid());
    await unary(engine, "stopEnclave", stop);
  });
});

test("clients of this project's own .proto files", async (t) => {
  const protos = path.join(path.dirname(fileURLToPath(import.meta.url)), "../../api");
  const options = { keepCase: true, enums: String, defaults: true, oneofs: true, includeDirs: [protos] };
  const own = grpc.loadPackageDefinition(loader.loadSync(["engine_service.proto", "api_container_service.proto"], options));
  await withEnclave(t, async (_, info, address) => {
    const engine = new own.engine_api.EngineService(engineAddress, plaintext);
    const api = new own.api_container_api.ApiContainerService(address, plaintext);
    t.after(() => (engine.close(), api.close()));
    const found = await unary(engine, "GetEnclavesByUuids", { enclave_uuids: [info.getEnclaveUuid()] });
    assert.equal(found.enclave_info[info.getEnclaveUuid()].api_container_status, "EnclaveAPIContainerStatus_RUNNING");
    const lines = await collect(api.RunStarlarkScript({ serialized_script: script, serialized_params: '{"who": "world"}' }));
    assert.equal(lines.at(-1).run_finished_event.is_run_successful, true);
    const { service_info } = await unary(api, "GetServices", {});
    assert.equal(service_info.web.service_status, "RUNNING");
    assert.deepEqual(service_info.web.container.cmd_args, ["print", "one apple", "two pears", "+", "http", "8080", "it works"]);
    const executed = await unary(api, "ExecCommand", { service_identifier: service_info.web.shortened_uuid, command_args: ["/toolbox", "exit", "5"] });
    assert.equal(executed.exit_code, 5);
    await assert.rejects(unary(api, "ExecCommand", { service_identifier: "absent", command_args: ["x"] }), { code: grpc.status.NOT_FOUND });
    const record = await unary(api, "GetStarlarkRun", {});
    assert.equal(record.serialized_script, script);
  });
});

test("gRPC-Web and Connect on the same port", async () => {
  const url = `http://${engineAddress}/engine_api.EngineService/GetEngineInfo`;
  const web = await fetch(url, { method: "POST", headers: { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" }, body: Buffer.alloc(5) });
  assert.equal(web.headers.get("content-type"), "application/grpc-web+proto");
  const body = Buffer.from(await web.arrayBuffer());
  const message = body.subarray(5, 5 + body.readUInt32BE(1));
  assert.equal(enginePb.GetEngineInfoResponse.deserializeBinary(message).getEngineVersion(), "1.20.0");
  assert.match(body.subarray(5 + message.length).toString(), /grpc-status: ?0/i);
  const connect = await fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: "{}" });
  assert.deepEqual(await connect.json(), { engineVersion: "1.20.0" });
});

test("reflection", async () => {
  // The reflection protocol of gRPC: list_services is field 7 of the request, service 1 in field 6 of the response.
  const reflection = new grpc.Client(engineAddress, plaintext);
  const raw = (b) => b;
  const call = reflection.makeBidiStreamRequest("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", raw, raw);
  const answer = new Promise((resolve, reject) => call.on("data", resolve).on("error", reject));
  call.write(Buffer.from([0x3a, 0x00]));
  assert.match((await answer).toString("latin1"), /engine_api\.EngineService/);
  call.end();
  reflection.close();
});
