import { describe, expect, it } from 'vitest'
import { snippet } from '../src/snippets'

const URL = 'http://127.0.0.1:8484/v1'
const request = { model: 'postcard', prompt: `it's "quoted" \\ $HOME \`x\`\nnew line – ünï`, size: '1344x768', seed: 7, negative_prompt: 'fog', output_format: 'jpeg', hires: true }

describe('snippets', () => {
  it('curl sends the request as it is, whatever the prompt holds', () => {
    const code = snippet('curl', request, URL)
    const body = /-d '([\s\S]*)' \\\n {2}-o answer/.exec(code)?.[1]?.replaceAll(`'\\''`, "'")
    expect(JSON.parse(body ?? '')).toEqual(request)
    expect(code).toContain('> picture.jpg')
  })

  it('Python names what openai names and puts the rest into extra_body', () => {
    const code = snippet('python', request, URL)
    expect(code).toContain('    size="1344x768",')
    expect(code).toContain('    extra_body={"seed": 7, "negative_prompt": "fog", "hires": True},')
    expect(code).toContain('api_key=os.environ["DIFFUSION_KEY"]')
  })

  it('Python has no extra_body where nothing is extra', () => {
    expect(snippet('python', { model: 'm', prompt: 'p' }, URL)).not.toContain('extra_body')
  })

  it('JavaScript holds the request as a literal', () => {
    const code = snippet('javascript', request, URL)
    const literal = /generate\(([\s\S]*?)\)\nawait/.exec(code)?.[1]
    expect(JSON.parse(literal ?? '')).toEqual(request)
  })

  it('an edit reads its pictures from files, in their order', () => {
    const edit = { model: 'postcard', prompt: "it's @night", strength: 0.5, loras: { ink: 0.8 } }
    const inputs = { images: ['input-1.png', 'input-2.png'], mask: 'mask.png' }
    const [curl, python, javascript] = (['curl', 'python', 'javascript'] as const).map((language) => snippet(language, edit, URL, inputs))
    expect(curl).toContain('/images/edits')
    expect(curl!.match(/-F '[^']*'/g)).toEqual(["-F 'image=@input-1.png'", "-F 'image=@input-2.png'", "-F 'mask=@mask.png'"])
    // With --form-string a text that begins with @ stays a text.
    expect(curl).toContain(`--form-string 'prompt=it'\\''s @night'`)
    expect(curl).toContain(`--form-string 'loras={"ink":0.8}'`)
    expect(python).toContain('client.images.edit(')
    expect(python).toContain('    image=[open("input-1.png", "rb"), open("input-2.png", "rb")],\n    mask=open("mask.png", "rb"),')
    expect(python).toContain(`    extra_body={"strength": 0.5, "loras": "{\\"ink\\":0.8}"},`)
    expect(javascript).toContain("  image: [await toFile(createReadStream('input-1.png')), await toFile(createReadStream('input-2.png'))],")
    expect(javascript).toContain('client.images.edit({')
  })

  it.each(['curl', 'python', 'javascript'] as const)('%s holds no key', (language) => {
    expect(snippet(language, request, URL)).not.toMatch(/sl-/)
  })
})
