// openai-node and the AI SDK: pictures from pictures, against a Safelight server.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateImage } from 'ai'
import OpenAI, { toFile } from 'openai'
import { report } from './report.mjs'

const { DIFFUSION_URL, DIFFUSION_KEY, PICTURE } = process.env
const model = 'postcard'
const prompt = 'the same at night'
const picture = Buffer.from(PICTURE, 'base64')
const client = new OpenAI({ baseURL: `${DIFFUSION_URL}/v1`, apiKey: DIFFUSION_KEY })
const image = async () => await toFile(picture, 'picture.png', { type: 'image/png' })
const provider = createOpenAICompatible({ name: 'safelight', baseURL: `${DIFFUSION_URL}/v1`, apiKey: DIFFUSION_KEY })

await report({
  one: async () => await client.images.edit({ model, prompt, image: await image(), seed: 7 }),
  two: async () =>
    await client.images.edit({ model, prompt, image: [await image(), await image()], mask: await image(), seed: 7 }),
  none: async () => await client.images.edit({ model, prompt, image: await toFile(Buffer.from('x'), 'x.png') }),
  aiSdk: async () => {
    const { images } = await generateImage({
      model: provider.imageModel(model),
      prompt: { text: prompt, images: [picture] },
      providerOptions: { safelight: { seed: 7 } },
    })
    return { images: images.map(({ base64, mediaType }) => ({ base64, mediaType })) }
  },
})
