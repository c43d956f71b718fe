/** What every SDK client of these tests is given: any region, any credentials, and no more than the attempts it asks for. */
export const clientOptions = (url: string, maxAttempts = 1) => ({
  endpoint: url,
  region: "us-east-1",
  credentials: { accessKeyId: "local", secretAccessKey: "local" },
  maxAttempts,
});
