import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'

const ROOT = dirname(fileURLToPath(import.meta.url))
const NOT_SOURCE = new Set(['node_modules', 'tests'])
/** A font comes in through CSS, which the bundler does not count as a module. */
const FONT = join(ROOT, 'node_modules', '@fontsource-variable', 'instrument-sans')
const LICENCE = /^(licen[cs]e|ofl)(\.(md|txt))?$/i

/** What was bundled asks to be named: `licenses.txt` holds the licence of every package whose code or font is inside. */
export function licences(): Plugin {
  return {
    name: 'safelight-licences',
    apply: 'build',
    generateBundle() {
      const folders = new Set([FONT, ...[...this.getModuleIds()].map(packageFolder).filter((f) => f !== undefined)])
      const texts = [...folders].sort().map((folder) => {
        const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
        const file = readdirSync(folder).find((entry) => LICENCE.test(entry))
        const text = file ? readFileSync(join(folder, file), 'utf8').trim() : `Licence: ${license}`
        return `${name} ${version}\n\n${text}\n`
      })
      this.emitFile({ type: 'asset', fileName: 'licenses.txt', source: texts.join(`\n${'-'.repeat(72)}\n\n`) })
    },
  }
}

/** `source.sha256` says which source this build is of, so that a check needs no Node. */
export function sourceDigest(): Plugin {
  return {
    name: 'safelight-source-digest',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'source.sha256', source: `${digest()}\n` })
    },
  }
}

/** SHA-256 over every source file: its path, a NUL, its bytes, a NUL, in the order of the paths. */
function digest(): string {
  const hash = createHash('sha256')
  for (const path of sources(ROOT).sort()) {
    hash.update(`${path}\0`)
    hash.update(readFileSync(join(ROOT, path)))
    hash.update('\0')
  }
  return hash.digest('hex')
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name.startsWith('.') || NOT_SOURCE.has(entry.name)) return []
    const path = join(folder, entry.name)
    return entry.isDirectory() ? sources(path) : [relative(ROOT, path).split(sep).join(posix.sep)]
  })
}

function packageFolder(id: string): string | undefined {
  const inside = id.replace(/^\0/, '').split('?')[0]!.lastIndexOf(`${sep}node_modules${sep}`)
  if (inside < 0) return undefined
  const rest = id.replace(/^\0/, '').slice(inside + 14).split(sep)
  const name = rest[0]!.startsWith('@') ? `${rest[0]}/${rest[1]}` : rest[0]!
  const folder = join(id.replace(/^\0/, '').slice(0, inside), 'node_modules', name)
  return existsSync(join(folder, 'package.json')) ? folder : undefined
}
