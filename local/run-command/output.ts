/** SSM agent, appconfig/constants.go and iohandler.go. Bytes, not characters, and the suffix counts. */
const MAXIMUM_STDOUT_BYTES = 24_000;
const MAXIMUM_STDERR_BYTES = 8_000;
const SUFFIX = "--output truncated--";

export const truncateStdout = (text: string): string => truncate(text, MAXIMUM_STDOUT_BYTES);
export const truncateStderr = (text: string): string => truncate(text, MAXIMUM_STDERR_BYTES);

const truncate = (text: string, maximum: number): string => {
  const bytes = Buffer.from(text);
  return bytes.byteLength <= maximum
    ? text
    : `${bytes.subarray(0, maximum - SUFFIX.length).toString()}${SUFFIX}`;
};
