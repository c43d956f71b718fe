/** The template as data, typed as the tests need it. */
import { join } from "node:path";
import { root } from "../../build/layout.ts";
import { readTemplate } from "../../build/template.ts";

export type Resource = { Type: string; Properties: Record<string, any>; Metadata?: Record<string, unknown> };
export type Template = {
  Parameters: Record<string, { Description: string }>;
  Globals: { Function: Record<string, any> };
  Metadata: Record<string, any>;
  Resources: Record<string, Resource>;
};

export const template = readTemplate(join(root, "template.yaml")) as Template;

export const resourcesOf = (type: string): [string, Resource][] =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
