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

  it.each(['curl', 'python', 'javascript'] as const)('%s holds no key', (language) => {
    expect(snippet(language, request, URL)).not.toMatch(/sl-/)
  })
})
