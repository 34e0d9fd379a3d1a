/** A request as code that runs as pasted, once `safelight env` has exported the key. */
import type { ImageRequest } from './api'

export type Language = 'curl' | 'python' | 'javascript'

// What `images.generate` of openai-python takes by name; everything else goes into `extra_body`.
const NAMED = new Set(['model', 'prompt', 'size', 'output_format', 'n', 'quality', 'user', 'output_compression'])
const KEY = 'DIFFUSION_KEY'

export function snippet(language: Language, request: ImageRequest, baseUrl: string): string {
  const file = `picture.${fileType(request)}`
  return { curl, python, javascript }[language](request, baseUrl, file)
}

/** Without jq, which many machines lack. An error is printed, and then no picture is written. */
function curl(request: ImageRequest, baseUrl: string, file: string): string {
  return [
    `curl -sS --fail-with-body ${shell(`${baseUrl}/images/generations`)} \\`,
    `  -H "Authorization: Bearer $${KEY}" \\`,
    `  -H 'Content-Type: application/json' \\`,
    `  -d ${shell(JSON.stringify(request, null, 2))} \\`,
    `  -o answer.json && sed 's/.*"b64_json": *"//; s/".*//' answer.json | base64 --decode > ${file} || cat answer.json`,
    '',
  ].join('\n')
}

function python(request: ImageRequest, baseUrl: string, file: string): string {
  const entries = Object.entries(request)
  const extra = entries.filter(([name]) => !NAMED.has(name))
  const lines = entries.filter(([name]) => NAMED.has(name)).map(([name, value]) => `    ${name}=${pythonLiteral(value)},`)
  if (extra.length) lines.push(`    extra_body={${extra.map(([name, value]) => `"${name}": ${pythonLiteral(value)}`).join(', ')}},`)
  return [
    'import base64',
    'import os',
    'from pathlib import Path',
    '',
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url=${JSON.stringify(baseUrl)}, api_key=os.environ["${KEY}"])`,
    'answer = client.images.generate(',
    ...lines,
    ')',
    `Path("${file}").write_bytes(base64.b64decode(answer.data[0].b64_json))`,
    '',
  ].join('\n')
}

function javascript(request: ImageRequest, baseUrl: string, file: string): string {
  return [
    "import { writeFile } from 'node:fs/promises'",
    "import OpenAI from 'openai'",
    '',
    `const client = new OpenAI({ baseURL: ${JSON.stringify(baseUrl)}, apiKey: process.env.${KEY} })`,
    `const answer = await client.images.generate(${JSON.stringify(request, null, 2)})`,
    `await writeFile('${file}', Buffer.from(answer.data[0].b64_json, 'base64'))`,
    '',
  ].join('\n')
}

function fileType(request: ImageRequest): string {
  const format = String(request['output_format'] ?? 'png')
  return format === 'jpeg' ? 'jpg' : format
}

function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/** JSON's strings and numbers are Python's too; its words are not. */
function pythonLiteral(value: unknown): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  return JSON.stringify(value)
}
