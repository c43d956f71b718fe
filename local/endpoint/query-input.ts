import type { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "./aws-error.ts";

/** `Filter.1.Value.2=x` as a tree: Filter > 1 > Value > 2 > "x". */
export type FormTree = { text: string | undefined; children: Map<string, FormTree> };

export const formTree = (form: URLSearchParams): FormTree => {
  const root = leaf();
  for (const [key, text] of form) {
    let node = root;
    for (const part of key.split(".")) {
      const child = node.children.get(part) ?? leaf();
      node.children.set(part, child);
      node = child;
    }
    node.text = text;
  }
  return root;
};

/** Reads what the SDK's QueryShapeSerializer writes. `ec2`: lists are flat and keys capitalised. */
const readForm = (schema: NormalizedSchema, node: FormTree, ec2: boolean): unknown => {
  if (schema.isStructSchema()) return readStruct(schema, node, ec2);
  if (schema.isListSchema()) return readList(schema, node, ec2);
  if (schema.isMapSchema()) return readMap(schema, node, ec2);
  return readScalar(schema, node.text ?? "");
};

export const readStruct = (schema: NormalizedSchema, node: FormTree, ec2: boolean): object => {
  const members: [string, unknown][] = [];
  for (const [name, member] of schema.structIterator()) {
    const child = node.children.get(keyOf(name, member, ec2));
    if (child !== undefined) members.push([name, readForm(member, child, ec2)]);
  }
  return Object.fromEntries(members);
};

const readList = (schema: NormalizedSchema, node: FormTree, ec2: boolean): unknown[] => {
  const member = schema.getValueSchema();
  const flat = ec2 || Boolean(schema.getMergedTraits().xmlFlattened);
  const items = flat ? node : node.children.get(member.getMergedTraits().xmlName ?? "member");
  return numbered(items).map((item) => readForm(member, item, ec2));
};

const readMap = (schema: NormalizedSchema, node: FormTree, ec2: boolean): object => {
  const [key, value] = [schema.getKeySchema(), schema.getValueSchema()];
  const entries = schema.getMergedTraits().xmlFlattened ? node : node.children.get("entry");
  return Object.fromEntries(
    numbered(entries).map((entry) => [
      entry.children.get(key.getMergedTraits().xmlName ?? "key")?.text ?? "",
      readForm(value, entry.children.get(value.getMergedTraits().xmlName ?? "value") ?? leaf(), ec2),
    ]),
  );
};

const readScalar = (schema: NormalizedSchema, text: string): unknown => {
  if (schema.isBooleanSchema()) return text === "true";
  if (schema.isNumericSchema()) return finite(Number(text), text);
  if (schema.isTimestampSchema()) return new Date(finite(Date.parse(text), text));
  if (schema.isBlobSchema()) return Buffer.from(text, "base64");
  return text;
};

const finite = (value: number, text: string): number => {
  if (text !== "" && Number.isFinite(value)) return value;
  throw new AwsError("MalformedInput", `Not a value of this parameter: ${JSON.stringify(text)}`);
};

const keyOf = (name: string, member: NormalizedSchema, ec2: boolean): string => {
  const traits = member.getMergedTraits();
  const key = traits.xmlName ?? name;
  if (!ec2) return key;
  const { ec2QueryName } = traits;
  return typeof ec2QueryName === "string" ? ec2QueryName : `${key.charAt(0).toUpperCase()}${key.slice(1)}`;
};

const numbered = (node: FormTree | undefined): FormTree[] =>
  [...(node?.children ?? [])]
    .filter(([key]) => /^\d+$/.test(key))
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, child]) => child);

const leaf = (): FormTree => ({ text: undefined, children: new Map() });
