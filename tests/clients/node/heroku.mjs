// Heroku's provider for the AI SDK, configured by the variables that the add-on sets, against a Safelight server.
import { generateImage } from 'ai'
import { createHerokuAI } from 'heroku-ai-provider'
import { report } from './report.mjs'

// The SDK would say on standard output, where the report goes, that this provider speaks an older version of its interface.
globalThis.AI_SDK_LOG_WARNINGS = false

const model = process.env.DIFFUSION_MODEL_ID
const prompt = 'A serene mountain landscape at sunset with vibrant colors'
const draw = async (more = {}, options = {}) => {
  const { images, warnings } = await generateImage({ model: createHerokuAI(options).image(model), prompt, ...more })
  return { images: images.map(({ base64, mediaType }) => ({ base64, mediaType })), warnings }
}

await report({
  plain: async () => await draw(),
  options: async () =>
    await draw({
      size: '1344x768',
      providerOptions: { heroku: { seed: 12, negative_prompt: 'crowded', aspect_ratio: '16:9' } },
    }),
  badSize: async () => await draw({ size: '10x10' }),
  two: async () => await draw({ n: 2 }),
  wrongKey: async () => await draw({}, { imageApiKey: 'sl-wrong' }),
})
