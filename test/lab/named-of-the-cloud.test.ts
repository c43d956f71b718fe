/** Every scenario whose trouble is in AWS or in its network card. */
import { areNamedAsStaged, ofTheCloud } from "./named.ts";

areNamedAsStaged(ofTheCloud);
