// The life of an enclave, through TypeScript clients that are generated from this project's .proto files: the
// scenario of testdata/sdk-go.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import test from "node:test";
import zlib from "node:zlib";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { ApiContainerService, ServiceStatus, type StarlarkRunResponseLine } from "../gen/api_container_service_pb.js";
import { EnclaveAPIContainerStatus, EngineService, LogLineOperator } from "../gen/engine_service_pb.js";
import { EngineService as OwnEngineService } from "../gen/kurtosis_pb.js";

const image = process.env.SDK_TEST_IMAGE ?? "";
assert.ok(image, "SDK_TEST_IMAGE names the test image; scripts/test-sdk.sh sets it");
const transportTo = (address: string) => createGrpcTransport({ baseUrl: `http://${address}` });
const engineTransport = transportTo(process.env.SDK_TEST_ENGINE ?? "127.0.0.1:9710");
const engine = createClient(EngineService, engineTransport);
const script = `
def run(plan, args):
    plan.print("hello " + args["who"])
    plan.add_service(name="web", config=ServiceConfig(
        image="${image}", cmd=["print", "one apple", "two pears", "three apples", "+", "http", "8080", "it works"],
        ports={"http": PortSpec(number=8080, application_protocol="http")}))
    return args["who"]
`;

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const message of stream) list.push(message);
  return list;
}

const results = (lines: StarlarkRunResponseLine[]) =>
  lines.flatMap((l) => (l.runResponseLine.case === "instructionResult" ? [l.runResponseLine.value.serializedInstructionResult] : []));

function tar(name: string, content: Buffer): Buffer {
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

async function* chunks(name: string, data: Buffer) {
  let previous = "";
  for (let at = 0; at < data.length; at += 3 << 20) {
    const part = data.subarray(at, at + (3 << 20));
    yield { data: part, previousChunkHash: previous, metadata: { name } };
    previous = createHash("sha1").update(part).digest("hex");
  }
}

test("the life of an enclave", async (t) => {
  assert.equal((await engine.getEngineInfo({})).engineVersion, "1.20.0");
  const name = "sdk-own-" + randomBytes(3).toString("hex");
  const info = (await engine.createEnclave({ enclaveName: name })).enclaveInfo!;
  let there = true;
  t.after(async () => {
    if (there) await engine.destroyEnclave({ enclaveIdentifier: name });
  });
  await assert.rejects(engine.createEnclave({ enclaveName: name }), (e: unknown) => ConnectError.from(e).code === Code.AlreadyExists);
  const host = info.apiContainerHostMachineInfo!;
  const api = createClient(ApiContainerService, transportTo(`${host.ipOnHostMachine}:${host.grpcPortOnHostMachine}`));

  const run = { serializedScript: script, serializedParams: '{"who": "world"}' };
  const planned = await collect(api.runStarlarkScript({ ...run, dryRun: true }));
  assert.equal(planned.filter((l) => l.runResponseLine.case === "instruction").length, 2);
  assert.deepEqual(Object.keys((await api.getServices({})).serviceInfo), []);
  assert.match((await api.getStarlarkScriptPlanYaml({ serializedScript: script, serializedParams: run.serializedParams })).planYaml, /name: web\n/);

  const lines = await collect(api.runStarlarkScript(run));
  assert.equal(results(lines)[0], "hello world");
  assert.match(results(lines)[1], /^Service 'web' added with service UUID '[0-9a-f]{32}'$/);
  const end = lines.at(-1)!.runResponseLine;
  assert.ok(end.case === "runFinishedEvent" && end.value.isRunSuccessful && end.value.serializedOutput === '"world"');
  const again = await collect(api.runStarlarkScript(run));
  const skipped = again.flatMap((l) => (l.runResponseLine.case === "instruction" ? [l.runResponseLine.value.isSkipped] : []));
  assert.equal(skipped[1], true, "the service is not made again");

  const web = (await api.getServices({})).serviceInfo["web"];
  assert.equal(web.serviceStatus, ServiceStatus.RUNNING);
  const answer = await fetch(`http://127.0.0.1:${web.maybePublicPorts["http"].number}/`);
  assert.equal(await answer.text(), "it works");
  const executed = await api.execCommand({ serviceIdentifier: "web", commandArgs: ["/toolbox", "print", "executed"] });
  assert.deepEqual([executed.exitCode, executed.logOutput], [0, "executed\n"]);
  await assert.rejects(api.execCommand({ serviceIdentifier: "absent", commandArgs: ["x"] }), (e: unknown) => ConnectError.from(e).code === Code.NotFound);

  const content = randomBytes(7 << 20);
  const uploaded = await api.uploadFilesArtifact(chunks("random", zlib.gzipSync(tar("random.bin", content))));
  assert.match(uploaded.uuid, /^[0-9a-f]{32}$/);
  const parts = await collect(api.downloadFilesArtifact({ identifier: "random" }));
  assert.ok(parts.length > 1, "it comes in chunks");
  const back = zlib.gunzipSync(Buffer.concat(parts.map((p) => p.data)));
  assert.ok(back.includes(content), "what was uploaded comes back");
  const files = await api.inspectFilesArtifactContents({ fileNamesAndUuid: { fileName: "random" } });
  assert.deepEqual(files.fileDescriptions.map((f) => [f.path, Number(f.size)]), [["random.bin", content.length]]);

  const logs = (more: object) =>
    collect(engine.getServiceLogs({ enclaveIdentifier: name, serviceUuidSet: { [web.serviceUuid]: true }, ...more })).then((list) =>
      list.flatMap((m) => m.serviceLogsByServiceUuid[web.serviceUuid]?.line ?? []),
    );
  assert.deepEqual(await logs({ returnAllLogs: true }), ["one apple", "two pears", "three apples"]);
  const filter = { operator: LogLineOperator.LogLineOperator_DOES_CONTAIN_TEXT, textPattern: "apple" };
  assert.deepEqual(await logs({ returnAllLogs: true, conjunctiveFilters: [filter] }), ["one apple", "three apples"]);
  for await (const m of engine.getServiceLogs({ enclaveIdentifier: name, serviceUuidSet: { [web.serviceUuid]: true }, followLogs: true, numLogLines: 1 })) {
    assert.deepEqual(m.serviceLogsByServiceUuid[web.serviceUuid].line, ["three apples"]);
    break; // it would go on for as long as the service runs
  }

  const state = async () => (await engine.getEnclavesByUuids({ enclaveUuids: [info.enclaveUuid] })).enclaveInfo[info.enclaveUuid]?.apiContainerStatus;
  await engine.stopEnclave({ enclaveIdentifier: name });
  assert.equal(await state(), EnclaveAPIContainerStatus.EnclaveAPIContainerStatus_STOPPED);
  await createClient(OwnEngineService, engineTransport).startEnclave({ identifier: name });
  assert.equal(await state(), EnclaveAPIContainerStatus.EnclaveAPIContainerStatus_RUNNING);
  assert.equal((await api.getServices({})).serviceInfo["web"].serviceStatus, ServiceStatus.RUNNING);
  await engine.destroyEnclave({ enclaveIdentifier: name });
  there = false;
  assert.equal(await state(), undefined);
});
