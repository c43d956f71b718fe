/** The template as data: CloudFormation's short forms (`!Ref X`) become `{ Ref: "X" }`. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type CollectionTag, parse, type ScalarTag } from "yaml";
import { root } from "../../build/layout.ts";

const shortForms = ["Ref", "Sub", "GetAtt", "Equals", "Not", "If", "Join", "Select", "And", "Or"];
const key = (name: string) => (name === "Ref" ? name : `Fn::${name}`);

const tags = shortForms.flatMap((name): (ScalarTag | CollectionTag)[] => [
  { tag: `!${name}`, resolve: (text: string) => ({ [key(name)]: text }) as unknown as string },
  {
    tag: `!${name}`,
    collection: "seq",
    resolve: (sequence) => ({ [key(name)]: (sequence as { toJSON(): unknown }).toJSON() }),
  },
]);

export type Resource = { Type: string; Properties: Record<string, any>; Metadata?: Record<string, unknown> };
export type Template = {
  Parameters: Record<string, { Description: string }>;
  Globals: { Function: Record<string, any> };
  Resources: Record<string, Resource>;
};

export const template: Template = parse(readFileSync(join(root, "template.yaml"), "utf8"), {
  customTags: tags,
});

export const resourcesOf = (type: string): [string, Resource][] =>
  Object.entries(template.Resources).filter(([, resource]) => resource.Type === type);
