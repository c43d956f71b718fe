import { InvokeCommand, LambdaClient, ResourceNotFoundException } from "@aws-sdk/client-lambda";
import { afterAll, beforeAll, expect, test } from "vitest";
import { lambda } from "../../../local/endpoint/lambda.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { type Functions, inProcess } from "../../../local/lambda/in-process.ts";
import { bundle, versatile } from "../lambda/bundles.ts";
import { clientOptions } from "./clients.ts";

let bundles: ReturnType<typeof bundle>;
let functions: Functions;
let endpoint: Endpoint;
let client: LambdaClient;
beforeAll(async () => {
  bundles = bundle({ versatile });
  functions = inProcess({ bundles: { Diagnose: bundles.file("versatile") }, environment: {} });
  endpoint = await startEndpoint({ services: [lambda({ invoke: functions.invoke })] });
  client = new LambdaClient(clientOptions(endpoint.url));
});
afterAll(async () => {
  await endpoint.close();
  await functions.stop();
  bundles.remove();
});

const invoke = (payload: string | undefined, options: object = {}) =>
  client.send(
    new InvokeCommand({
      FunctionName: "Diagnose",
      ...(payload === undefined ? {} : { Payload: Buffer.from(payload) }),
      ...options,
    }),
  );

test("a function answers with its payload", async () => {
  const { StatusCode, FunctionError, ExecutedVersion, Payload } = await invoke('{"text":"é"}');
  expect({ StatusCode, FunctionError, ExecutedVersion }).toEqual({
    StatusCode: 200,
    FunctionError: undefined,
    ExecutedVersion: "$LATEST",
  });
  expect(JSON.parse(Payload?.transformToString() ?? "")).toMatchObject({ event: { text: "é" } });
});

test("a call without a payload is an empty event", async () => {
  const { Payload } = await invoke(undefined);
  expect(JSON.parse(Payload?.transformToString() ?? "")).toMatchObject({ event: {} });
});

test("a function that throws is a call that succeeds, with the error as its payload", async () => {
  const { StatusCode, FunctionError, Payload } = await invoke('{"fail":"not ours"}');
  expect({ StatusCode, FunctionError }).toEqual({ StatusCode: 200, FunctionError: "Unhandled" });
  expect(JSON.parse(Payload?.transformToString() ?? "")).toMatchObject({
    errorType: "NotOurs",
    errorMessage: "not ours",
  });
});

test("an event is taken without waiting for what becomes of it", async () => {
  expect(await invoke('{"fail":"unheard"}', { InvocationType: "Event" })).toMatchObject({ StatusCode: 202 });
});

test.each([
  "Diagnose:$LATEST",
  "arn:aws:lambda:us-east-1:123456789012:function:Diagnose",
  "123456789012:function:Diagnose",
])("a function is found as %s", async (FunctionName) => {
  expect((await invoke("{}", { FunctionName })).StatusCode).toBe(200);
});

test("a function that does not exist is the SDK's ResourceNotFoundException", async () => {
  const error = await invoke("{}", { FunctionName: "Missing" }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ResourceNotFoundException);
  expect(error).toMatchObject({ $metadata: { httpStatusCode: 404 } });
});

test("a payload that is no JSON is refused", async () => {
  await expect(invoke("{nonsense")).rejects.toMatchObject({ name: "InvalidRequestContentException" });
});

test("a dry run is refused by name", async () => {
  await expect(invoke("{}", { InvocationType: "DryRun" })).rejects.toThrow(
    "NotImplementedLocally: Lambda.Invoke: InvocationType DryRun",
  );
});
