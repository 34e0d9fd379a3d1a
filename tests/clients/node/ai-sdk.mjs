// The AI SDK with its openai-compatible provider against a Safelight server.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { generateImage } from 'ai'
import { report } from './report.mjs'

const { DIFFUSION_URL, DIFFUSION_KEY, DIFFUSION_MODEL_ID: model } = process.env
const prompt = 'A serene mountain landscape at sunset with vibrant colors'
const provider = (apiKey) => createOpenAICompatible({ name: 'safelight', baseURL: `${DIFFUSION_URL}/v1`, apiKey })
const draw = async (more = {}, apiKey = DIFFUSION_KEY) => {
  const { images, warnings } = await generateImage({ model: provider(apiKey).imageModel(model), prompt, ...more })
  return { images: images.map(({ base64, mediaType }) => ({ base64, mediaType })), warnings }
}

await report({
  plain: async () => await draw(),
  options: async () =>
    await draw({ size: '1344x768', providerOptions: { safelight: { seed: 12, negative_prompt: 'crowded' } } }),
  jpeg: async () => await draw({ providerOptions: { safelight: { output_format: 'jpeg', aspect_ratio: '9:16' } } }),
  two: async () => await draw({ n: 2, maxImagesPerCall: 1 }),
  badSize: async () => await draw({ size: '10x10' }),
  unknown: async () => await draw({ providerOptions: { safelight: { quality: 'hd' } } }),
  wrongKey: async () => await draw({}, 'sl-wrong'),
})
