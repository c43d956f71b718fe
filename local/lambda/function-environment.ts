/** What Lambda itself puts into a function's environment, as far as SDK, Powertools and the runtime client read it. */
export const functionEnvironment = (
  functionName: string,
  taskRoot: string,
  region: string,
  accessKeyId = "local",
): Record<string, string> => ({
  AWS_DEFAULT_REGION: region,
  AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(MEMORY_MB),
  AWS_LAMBDA_FUNCTION_NAME: functionName,
  AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
  AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
  AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${functionName}`,
  AWS_LAMBDA_LOG_STREAM_NAME: "2026/01/01/[$LATEST]00000000000000000000000000000000",
  AWS_REGION: region,
  LAMBDA_TASK_ROOT: taskRoot,
  // SDK clients refuse to send without any; the local endpoint does not look at them.
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: "local",
  TZ: ":UTC",
});

/** What the template gives each function. Nothing is limited by it here. */
const MEMORY_MB = 256;

export const functionArn = (functionName: string, region: string): string =>
  `arn:aws:lambda:${region}:123456789012:function:${functionName}`;
