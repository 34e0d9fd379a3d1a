// openai-node against a Safelight server.
import OpenAI from 'openai'
import { report } from './report.mjs'

const { DIFFUSION_URL, DIFFUSION_KEY, DIFFUSION_MODEL_ID: model } = process.env
const prompt = 'A serene mountain landscape at sunset with vibrant colors'
const client = new OpenAI({ baseURL: `${DIFFUSION_URL}/v1`, apiKey: DIFFUSION_KEY })
const draw = (more = {}) => client.images.generate({ model, prompt, ...more })

await report({
  plain: async () => await draw({ seed: 11 }),
  extra: async () =>
    await draw({
      n: 1,
      size: '1344x768',
      response_format: 'b64_json',
      output_format: 'jpeg',
      user: 'somebody',
      seed: 12,
      negative_prompt: 'crowded',
      aspect_ratio: '16:9',
    }),
  nulls: async () => await draw({ seed: 13, n: null, size: null, quality: null, stream: null, response_format: null }),
  withResponse: async () => {
    const { data, response, request_id } = await draw({ seed: 14 }).withResponse()
    return { data: data.data, headers: Object.fromEntries(response.headers), request_id }
  },
  models: async () => {
    const listed = []
    for await (const entry of client.models.list()) listed.push(entry)
    return listed
  },
  model: async () => await client.models.retrieve('stability-image-ultra'),
  badSize: async () => await draw({ size: '10x10' }),
  unknown: async () => await draw({ quality: 'hd' }),
  stream: async () => await draw({ stream: true }),
  partials: async () => {
    const events = []
    for await (const event of await draw({ model: 'postcard', seed: 15, stream: true, partial_images: 2 })) {
      events.push(event)
    }
    return events
  },
  link: async () => {
    const { data } = await draw({ model: 'postcard', seed: 16, response_format: 'url' })
    const answer = await fetch(data[0].url)
    const base64 = Buffer.from(await answer.arrayBuffer()).toString('base64')
    return { keys: Object.keys(data[0]), type: answer.headers.get('content-type'), base64 }
  },
  noModel: async () => await client.models.retrieve('no-such-model'),
  wrongKey: async () => await client.withOptions({ apiKey: 'sl-wrong' }).images.generate({ model, prompt }),
  boundKey: async () =>
    await client.withOptions({ apiKey: process.env.BOUND_KEY }).images.generate({ model, prompt }),
})
