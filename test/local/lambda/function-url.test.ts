import { request } from "node:http";
import { afterEach, expect, test } from "vitest";
import { type FunctionUrl, startFunctionUrl } from "../../../local/lambda/function-url.ts";

let page: FunctionUrl;
let event: Record<string, any>;
afterEach(() => page.close());

const serve = async (returned: unknown | ((event: unknown) => unknown)) => {
  page = await startFunctionUrl({
    invoke: async (given) => {
      event = JSON.parse(JSON.stringify(given));
      return typeof returned === "function" ? returned(given) : returned;
    },
  });
  return page.url;
};

test("a GET becomes an event of payload format 2.0", async () => {
  const url = await serve({ statusCode: 204 });
  await fetch(`${url}/incidents/inc-1%2F2?key=a%20b&x=1&x=2`, {
    headers: { "X-Some-Header": "Value", "user-agent": "a browser", cookie: "one=1; two=2" },
  });
  expect(event).toMatchObject({
    version: "2.0",
    routeKey: "$default",
    rawPath: "/incidents/inc-1%2F2",
    rawQueryString: "key=a%20b&x=1&x=2",
    queryStringParameters: { key: "a b", x: "1,2" },
    cookies: ["one=1", "two=2"],
    headers: {
      host: new URL(url).host,
      "x-some-header": "Value",
      "x-forwarded-for": "127.0.0.1",
      "x-forwarded-proto": "http",
    },
    requestContext: {
      accountId: "anonymous",
      domainName: new URL(url).host,
      http: {
        method: "GET",
        path: "/incidents/inc-1%2F2",
        protocol: "HTTP/1.1",
        sourceIp: "127.0.0.1",
        userAgent: "a browser",
      },
      time: expect.stringMatching(/^\d\d\/[A-Z][a-z]{2}\/\d{4}:\d\d:\d\d:\d\d \+0000$/),
      timeEpoch: expect.any(Number),
    },
    isBase64Encoded: false,
  });
  expect(event).not.toHaveProperty("body");
  expect(event.headers).not.toHaveProperty("cookie");
});

test("a request without a query has no parameters", async () => {
  await fetch(await serve({ statusCode: 204 }));
  expect(event).toMatchObject({ rawPath: "/", rawQueryString: "" });
  expect(event).not.toHaveProperty("queryStringParameters");
  expect(event).not.toHaveProperty("cookies");
});

test.each([
  ["a form is base64", "application/x-www-form-urlencoded", true],
  ["bytes are base64", "application/octet-stream", true],
  ["plain text is text", "text/plain;charset=UTF-8", false],
  ["JSON is text", "application/json", false],
])("%s", async (_what, type, encoded) => {
  const text = "decision=approve&note=sch%C3%B6n ☃";
  const url = await serve({ statusCode: 200 });
  await fetch(url, { method: "POST", headers: { "content-type": type }, body: text });
  expect(event).toMatchObject({
    isBase64Encoded: encoded,
    body: encoded ? Buffer.from(text).toString("base64") : text,
  });
});

test("status, headers, cookies and body are answered as they were returned", async () => {
  const url = await serve({
    statusCode: 418,
    headers: { "Content-Type": "text/html; charset=utf-8", "X-Number": 7 },
    cookies: ["a=1; HttpOnly", "b=2"],
    body: "<p>schön</p>",
  });
  const answer = await fetch(url);
  expect(answer.status).toBe(418);
  expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
  expect(answer.headers.get("x-number")).toBe("7");
  expect(answer.headers.getSetCookie()).toEqual(["a=1; HttpOnly", "b=2"]);
  expect(await answer.text()).toBe("<p>schön</p>");
});

test("a body in base64 is answered as bytes", async () => {
  const bytes = Uint8Array.of(0, 255, 128);
  const url = await serve({
    statusCode: 200,
    headers: { "content-type": "image/png" },
    body: Buffer.from(bytes).toString("base64"),
    isBase64Encoded: true,
  });
  expect(new Uint8Array(await (await fetch(url)).arrayBuffer())).toEqual(bytes);
});

test("what has no status code is the body, as JSON", async () => {
  const answer = await fetch(await serve({ hello: "world" }));
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toBe("application/json");
  expect(await answer.json()).toEqual({ hello: "world" });
});

test("HEAD has the headers and no body", async () => {
  const url = await serve({ statusCode: 200, headers: { "x-a": "b" }, body: "body" });
  const answer = await fetch(url, { method: "HEAD" });
  expect([answer.headers.get("x-a"), await answer.text()]).toEqual(["b", ""]);
});

test.each<[string, unknown]>([
  [
    "that throws",
    () => {
      throw new Error("a secret detail");
    },
  ],
  ["whose status is none", { statusCode: 7 }],
  ["whose body is no text", { statusCode: 200, body: { a: 1 } }],
  ["whose headers cannot be sent", { statusCode: 200, headers: { "x-a": "b\r\nset-cookie: c" } }],
])("a function %s is a 502 that says nothing more", async (_what, returned) => {
  const answer = await fetch(await serve(returned));
  expect(answer.status).toBe(502);
  expect(await answer.text()).toBe("Internal Server Error");
});

test("a body above the payload limit is refused, and the function is not asked", async () => {
  event = {};
  const url = await serve({ statusCode: 200 });
  const answer = await fetch(url, { method: "POST", body: new Uint8Array(6 * 1024 * 1024 + 1) });
  expect(answer.status).toBe(413);
  expect(event).toEqual({});
});

test("a path that is none is passed on as it came, for the function to judge", async () => {
  const { port } = new URL(await serve({ statusCode: 400 }));
  const status = await new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port, path: "//evil.example/..%2f?%zz=%" }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on("error", reject)
      .end();
  });
  expect(status).toBe(400);
  expect(event).toMatchObject({ rawPath: "//evil.example/..%2f", rawQueryString: "%zz=%" });
});
