// Reads manifests as Kubernetes would: YAML of both versions, the published schema of each kind, and
// what it would drop, as it knows no such field.
// Usage: node kubernetes_schemas.mjs FOLDER-OF-PACKAGES FILE...
// Prints {"documents": {FILE: [..]}, "findings": [..]}.

import { readFile } from "node:fs/promises";
import { isDeepStrictEqual } from "node:util";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [packages, ...files] = process.argv.slice(2);
const load = (path) => import(pathToFileURL(join(packages, "node_modules", path)));
const { default: YAML } = await load("yaml/dist/index.js");
const GROUPS = {
  "v1": "CoreV1", "apps/v1": "AppsV1", "batch/v1": "BatchV1", "policy/v1": "PolicyV1",
  "networking.k8s.io/v1": "NetworkingV1",
};

// `value`, and in `unread` the path of each of its fields until somebody reads it. A validator reads
// every field that its schema has.
function watched(value, path, unread) {
  if (value === null || typeof value !== "object") return value;
  const held = new Map();
  for (const [key, inner] of Object.entries(value)) {
    held.set(key, watched(inner, `${path}/${key}`, unread));
    unread.add(`${path}/${key}`);
  }
  return new Proxy(value, {
    get(target, key) {
      if (!held.has(key)) return Reflect.get(target, key);
      unread.delete(`${path}/${key}`);
      return held.get(key);
    },
  });
}

async function check(document) {
  const group = GROUPS[document.apiVersion];
  if (group === undefined) return [`${document.apiVersion}: no such group`];
  const schema = `kubernetes-models/_schemas/IoK8sApi${group}${document.kind}.js`;
  const { validate } = await load(schema);
  const unread = new Set();
  if (!validate(watched(document, "", unread)))
    return validate.errors.map((error) => `${error.instancePath}: ${error.keyword} ` +
      JSON.stringify(error.params));
  return [...unread].map((path) => `${path}: unknown field`);
}

const documents = {};
const findings = [];
for (const file of files) {
  const text = await readFile(file, "utf8");
  const read = (version) => YAML.parseAllDocuments(text, { version, uniqueKeys: true, strict: true })
    .map((document) => {
      findings.push(...[...document.errors, ...document.warnings].map((e) => `${file}: ${e}`));
      return document.toJS();
    });
  documents[file] = read("1.2");
  if (!isDeepStrictEqual(documents[file], read("1.1")))
    findings.push(`${file}: YAML 1.1 and 1.2 differ`);
  for (const document of documents[file]) {
    if (document.kind === "Kustomization") continue;
    const name = `${document.kind} ${document.metadata?.name}`;
    findings.push(...(await check(document)).map((what) => `${name}: ${what}`));
  }
}
console.log(JSON.stringify({ documents, findings }));
