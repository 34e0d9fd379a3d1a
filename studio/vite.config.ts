import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'
import { licences, sourceDigest } from './build.ts'

export default defineConfig({
  // Relative, so that the page works behind any path prefix.
  base: './',
  plugins: [svelte(), licences(), sourceDigest()],
  build: {
    outDir: '../src/safelight/studio',
    emptyOutDir: true,
    target: 'es2022',
    // light-dark() as it is: the browsers that this page is for know it.
    cssTarget: ['chrome123', 'firefox128', 'safari17.5'],
    // The Content-Security-Policy allows no data: fonts, and small files are cheap on one connection.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8484', '/studio/session': 'http://127.0.0.1:8484' } },
  test: { include: ['tests/**/*.test.ts'], environment: 'node' },
})
