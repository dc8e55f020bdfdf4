// src/api/schema.d.ts from the API's document: what each path takes and answers, for the client to be checked against.

import { readFile, writeFile } from 'node:fs/promises'
import openapiTS, { astToString } from 'openapi-typescript'

const from = new URL('../../docs/openapi.json', import.meta.url)
const to = new URL('../src/api/schema.d.ts', import.meta.url)

const document = JSON.parse(await readFile(from, 'utf8'))
// Operations are known by method and path; their ids are for people, and need not differ.
for (const operations of Object.values(document.paths)) {
  for (const operation of Object.values(operations)) if (operation && typeof operation === 'object') delete operation.operationId
}
const head = '// Generated from docs/openapi.json by `npm run types`. Do not edit.\n\n'
await writeFile(to, head + astToString(await openapiTS(document, { defaultNonNullable: false, emptyObjectsUnknown: true })))
