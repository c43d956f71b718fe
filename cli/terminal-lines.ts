/** How another terminal reaches the embedded AWS. */
import { region } from "../local/stack.ts";

/** For `export`. */
export const credentialsFor = (url: string) =>
  `AWS_ENDPOINT_URL=${url} AWS_REGION=${region} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local`;

export const terminalLines = (url: string, incidentId: string) => `  export ${credentialsFor(url)}
  npx nat-medic show ${incidentId}
  npx nat-medic approve ${incidentId}    # or reject`;
