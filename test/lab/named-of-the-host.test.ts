/** Every scenario whose trouble is in the kernel, on the host or beyond it. */
import { areNamedAsStaged, ofTheCloud } from "./named.ts";

areNamedAsStaged((scenario) => !ofTheCloud(scenario));
