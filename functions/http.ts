/** The one wrapper for a function that answers browsers through its function URL. */
import { createHash } from "node:crypto";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { parser } from "@aws-lambda-powertools/parser/middleware";
import middy from "@middy/core";
import * as z from "zod/mini";
import { plainPage } from "../core/page/document.ts";
import { style } from "../core/page/style.ts";
import { logger } from "./step.ts";

/**
 * As far as we look at it: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
 * Lambda makes the names of headers lower case.
 */
const FunctionUrlEvent = z.object({
  version: z.literal("2.0"),
  rawPath: z.string(),
  rawQueryString: z.string(),
  headers: z.record(z.string(), z.string()),
  requestContext: z.object({ http: z.object({ method: z.string(), sourceIp: z.string() }) }),
  body: z.optional(z.string()),
  isBase64Encoded: z.boolean(),
});
type FunctionUrlEvent = z.infer<typeof FunctionUrlEvent>;

export type Visit = {
  /** What the groups of the path's pattern matched. */
  path: readonly string[];
  query: URLSearchParams;
  /** The visitor's address, as Lambda saw it. */
  sourceIp: string;
};
export type Submission = Visit & { form: URLSearchParams };

/** `seeOther`: where a browser goes on with GET, so that loading again never submits again. */
export type Reply = { status: 200 | 400 | 404; html: string } | { seeOther: string };

type Site = {
  /** Everything else is not found. */
  path: RegExp;
  /** Must change nothing that a person decides: scanners of mail open every link. */
  get(visit: Visit): Promise<Reply>;
  /** Called for a form that a page of this very site has sent. */
  post(submission: Submission): Promise<Reply>;
};

/** In characters as they arrive: our longest form is far below that, escaped to the last character. */
const longestBody = 16_384;
const formType = /^application\/x-www-form-urlencoded\s*(;|$)/i;
const methods = "GET, HEAD, POST";

const securityHeaders: Readonly<Record<string, string>> = {
  "content-security-policy": `default-src 'none'; style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-robots-tag": "noindex, nofollow",
  "cache-control": "no-store",
  "strict-transport-security": "max-age=31536000",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
};

type Response = { statusCode: number; headers: Record<string, string>; body: string };

export function http(site: Site) {
  return middy()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use(parser({ schema: FunctionUrlEvent }))
    .handler(async (event: FunctionUrlEvent): Promise<Response> => {
      const { method } = event.requestContext.http;
      const response = await answer(site, event);
      // Neither the query nor the form: the key is in them.
      logger.info("answered", { method, path: event.rawPath.slice(0, 200), status: response.statusCode });
      return method === "HEAD" ? { ...response, body: "" } : response;
    });
}

async function answer(site: Site, event: FunctionUrlEvent): Promise<Response> {
  const [matched, ...path] = site.path.exec(event.rawPath) ?? [];
  if (matched === undefined) return respond({ status: 404, html: notFound });
  const { method, sourceIp } = event.requestContext.http;
  const visit = { path, query: new URLSearchParams(event.rawQueryString), sourceIp };
  try {
    switch (method) {
      case "GET":
      case "HEAD":
        return respond(await site.get(visit));
      case "POST": {
        const submitted = formOf(event);
        return "refused" in submitted
          ? submitted.refused
          : respond(await site.post({ ...visit, form: submitted.form }));
      }
      default:
        return page(405, "This cannot be done here", [], { allow: methods });
    }
  } catch (error) {
    logger.error("the page could not be made", error instanceof Error ? error : String(error));
    return page(500, "Something went wrong on our side", [
      "Nothing was decided by this, unless the page says so when you open the link again.",
      "If it stays like this, decide with the commands in the message that brought you here.",
    ]);
  }
}

function formOf({
  headers,
  body = "",
  isBase64Encoded,
}: FunctionUrlEvent): { form: URLSearchParams } | { refused: Response } {
  // A browser says where a form comes from. The key in the form is what protects; this stops more of the same kind.
  const origin = headers["sec-fetch-site"] ?? "none";
  if (origin !== "same-origin" && origin !== "none") {
    return { refused: page(403, "This form did not come from our page", ["Nothing was decided."]) };
  }
  if (!formType.test(headers["content-type"] ?? "")) {
    return { refused: page(415, "This is not our form", ["Nothing was decided."]) };
  }
  if (body.length > longestBody) {
    return { refused: page(413, "That was too long", ["Nothing was decided. Please shorten the note."]) };
  }
  return { form: new URLSearchParams(isBase64Encoded ? Buffer.from(body, "base64").toString() : body) };
}

function respond(reply: Reply): Response {
  return "seeOther" in reply
    ? { statusCode: 303, headers: { ...securityHeaders, location: reply.seeOther }, body: "" }
    : {
        statusCode: reply.status,
        headers: { ...securityHeaders, "content-type": "text/html; charset=utf-8" },
        body: reply.html,
      };
}

function page(
  statusCode: number,
  title: string,
  words: readonly string[],
  more: Record<string, string> = {},
): Response {
  const headers = { ...securityHeaders, "content-type": "text/html; charset=utf-8", ...more };
  return { statusCode, headers, body: plainPage(title, words) };
}

/** The same for all that is not there, not there any more, or not for this visitor. */
export const notFound = plainPage("There is nothing here", [
  "The link may be incomplete: some mail programs cut long ones. Copy all of it, from https:// to its end.",
  "Or what it led to is gone: incidents are forgotten some weeks after they end.",
]);
