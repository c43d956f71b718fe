/**
 * Stands for `rapid-client.node`, the native half of Lambda's runtime client: the same three functions over HTTP.
 * Preloaded into the function's process (`node --require`). JavaScript, because stripping types there would count as its start time.
 */
const { registerHooks } = require("node:module");
const { request, Agent } = require("node:http");
const { pathToFileURL } = require("node:url");

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === "./rapid-client.node"
      ? { url: pathToFileURL(__filename).href, format: "commonjs", shortCircuit: true }
      : next(specifier, context),
});

const agent = new Agent({ keepAlive: true });
const base = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;

const call = (method, path, body, headers = {}) =>
  new Promise((resolve, reject) => {
    const sent = request(`${base}/${path}`, { method, agent, headers }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ bodyJson: text, headers: response.headers }));
    });
    sent.on("error", reject).end(body);
  });

// The native functions block until the answer is delivered; here the next event waits for it instead.
let delivered = Promise.resolve();

module.exports = {
  next: async () => {
    await delivered;
    return call("GET", "next");
  },
  done: (id, body) => {
    delivered = call("POST", `${id}/response`, body, { "content-type": "application/json" });
  },
  error: (id, body, xRayCause) => {
    delivered = call("POST", `${id}/error`, body, {
      "content-type": "application/json",
      "lambda-runtime-function-xray-error-cause": xRayCause,
    });
  },
};
