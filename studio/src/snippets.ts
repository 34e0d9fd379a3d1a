/** A request as code that runs as pasted, once `safelight env` has exported the key. */
import type { ImageRequest } from './api'

export type Language = 'curl' | 'python' | 'javascript'

// What `images.generate` of openai-python takes by name; everything else goes into `extra_body`.
const NAMED = new Set(['model', 'prompt', 'size', 'output_format', 'n', 'quality', 'user', 'output_compression'])
const KEY = 'DIFFUSION_KEY'

/** `inputs`: the files that an edit is drawn from. */
export function snippet(language: Language, request: ImageRequest, baseUrl: string, inputs: Inputs = { images: [] }): string {
  const file = `picture.${fileType(request)}`
  return { curl, python, javascript }[language](request, baseUrl, file, inputs)
}

export interface Inputs {
  images: readonly string[]
  mask?: string
}

/** Without jq, which many machines lack. An error is printed, and then no picture is written. */
function curl(request: ImageRequest, baseUrl: string, file: string, inputs: Inputs): string {
  const edits = inputs.images.length > 0
  const sent = edits
    ? [
        ...inputs.images.map((name) => `  -F ${shell(`image=@${name}`)} \\`),
        ...(inputs.mask ? [`  -F ${shell(`mask=@${inputs.mask}`)} \\`] : []),
        ...Object.entries(request).map(([name, value]) => `  --form-string ${shell(`${name}=${formText(value)}`)} \\`),
      ]
    : [`  -H 'Content-Type: application/json' \\`, `  -d ${shell(JSON.stringify(request, null, 2))} \\`]
  return [
    `curl -sS --fail-with-body ${shell(`${baseUrl}/images/${edits ? 'edits' : 'generations'}`)} \\`,
    `  -H "Authorization: Bearer $${KEY}" \\`,
    ...sent,
    `  -o answer.json && sed 's/.*"b64_json": *"//; s/".*//' answer.json | base64 --decode > ${file} || cat answer.json`,
    '',
  ].join('\n')
}

/** Everything is text in a form; what is an object there is JSON. */
const formText = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

function python(request: ImageRequest, baseUrl: string, file: string, { images, mask }: Inputs): string {
  const entries = Object.entries(request)
  const extra = entries.filter(([name]) => !NAMED.has(name))
  const lines = entries.filter(([name]) => NAMED.has(name)).map(([name, value]) => `    ${name}=${pythonLiteral(value)},`)
  const read = (name: string): string => `open(${JSON.stringify(name)}, "rb")`
  if (images.length) lines.push(`    image=[${images.map(read).join(', ')}],`)
  if (mask) lines.push(`    mask=${read(mask)},`)
  const said = (value: unknown): string => pythonLiteral(images.length && typeof value === 'object' ? formText(value) : value)
  if (extra.length) lines.push(`    extra_body={${extra.map(([name, value]) => `"${name}": ${said(value)}`).join(', ')}},`)
  return [
    'import base64',
    'import os',
    'from pathlib import Path',
    '',
    'from openai import OpenAI',
    '',
    `client = OpenAI(base_url=${JSON.stringify(baseUrl)}, api_key=os.environ["${KEY}"])`,
    `answer = client.images.${images.length ? 'edit' : 'generate'}(`,
    ...lines,
    ')',
    `Path("${file}").write_bytes(base64.b64decode(answer.data[0].b64_json))`,
    '',
  ].join('\n')
}

function javascript(request: ImageRequest, baseUrl: string, file: string, { images, mask }: Inputs): string {
  const read = (name: string): string => `await toFile(createReadStream('${name}'))`
  const texts = Object.entries(request).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(typeof value === 'object' ? formText(value) : value)},`)
  const files = [`  image: [${images.map(read).join(', ')}],`, ...(mask ? [`  mask: ${read(mask)},`] : [])]
  const asked = images.length ? `edit({\n${[...texts, ...files].join('\n')}\n})` : `generate(${JSON.stringify(request, null, 2)})`
  return [
    ...(images.length ? ["import { createReadStream } from 'node:fs'"] : []),
    "import { writeFile } from 'node:fs/promises'",
    `import OpenAI${images.length ? ', { toFile }' : ''} from 'openai'`,
    '',
    `const client = new OpenAI({ baseURL: ${JSON.stringify(baseUrl)}, apiKey: process.env.${KEY} })`,
    `const answer = await client.images.${asked}`,
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
