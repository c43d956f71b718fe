import { type InvocationRequest, type InvocationResponse, Invoke$ } from "@aws-sdk/client-lambda";
import { FunctionError } from "../lambda/function-error.ts";
import { AwsError, notImplementedLocally } from "./aws-error.ts";
import type { Service } from "./service.ts";

/** Lambda's Invoke, waiting for the answer (`RequestResponse`) or not (`Event`). */
export const lambda = ({
  invoke,
}: {
  /** Rejects with FunctionError for what the function threw. */
  invoke(functionName: string, payload: unknown): Promise<unknown>;
}): Service => {
  const run = async ({
    FunctionName = "",
    InvocationType = "RequestResponse",
    Payload,
  }: InvocationRequest): Promise<InvocationResponse> => {
    const name = FUNCTION.exec(FunctionName)?.[1];
    if (name === undefined)
      throw new AwsError("InvalidParameterValueException", `No function: ${FunctionName}`);
    const event = parsePayload(Payload);
    switch (InvocationType) {
      case "RequestResponse":
        return answered(invoke(name, event));
      case "Event":
        // Nobody learns what becomes of it, as in Lambda without a destination.
        invoke(name, event).catch(() => {});
        return { StatusCode: 202 };
      default:
        throw notImplementedLocally("Lambda", "Invoke", `InvocationType ${InvocationType}`);
    }
  };

  return {
    name: "lambda",
    title: "Lambda",
    target: "AWSGirApiService",
    version: "2015-03-31",
    xmlNamespace: "",
    operations: [{ schema: Invoke$, run }],
  };
};

const answered = async (result: Promise<unknown>): Promise<InvocationResponse> => {
  try {
    return { StatusCode: 200, ExecutedVersion: "$LATEST", Payload: bytes((await result) ?? null) };
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    if (error.name === "Lambda.ResourceNotFoundException") {
      throw new AwsError("ResourceNotFoundException", error.payload.errorMessage, { status: 404 });
    }
    // A function that fails is a call that succeeds: the status stays 200.
    return {
      StatusCode: 200,
      ExecutedVersion: "$LATEST",
      FunctionError: "Unhandled",
      Payload: bytes(error.payload),
    };
  }
};

/** A name, or a partial or full ARN, with or without a qualifier. */
const FUNCTION = /^(?:arn:[\w-]+:lambda:[\w-]+:)?(?:\d{12}:function:)?([\w-]{1,64})(?::[\w$-]+)?$/;

const bytes = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

const parsePayload = (payload: Uint8Array | undefined): unknown => {
  if (payload === undefined || payload.byteLength === 0) return {};
  try {
    return JSON.parse(new TextDecoder().decode(payload));
  } catch {
    throw new AwsError("InvalidRequestContentException", "Could not parse request body into json.");
  }
};
