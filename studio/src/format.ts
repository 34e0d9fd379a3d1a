/** Numbers and times as people read them. */
import type { Job } from './api'

export function duration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 90) return `${Math.round(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 90 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

export function bytes(count: number): string {
  if (count < 1000) return `${count} bytes`
  return count < 1_000_000 ? `${Math.round(count / 1000)} kB` : `${(count / 1_000_000).toFixed(1)} MB`
}

const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric', hour: 'numeric', minute: '2-digit' })
export const moment = (unixSeconds: number): string => DAY.format(unixSeconds * 1000)

const WHOLE = new Intl.NumberFormat('en')
export const whole = (count: number): string => WHOLE.format(count)
export const plural = (count: number, one: string, many = `${one}s`): string => `${whole(count)} ${count === 1 ? one : many}`

/** What a job is doing, in a few words. */
export function progress(job: Job): string {
  if (job.state === 'queued') {
    const ahead = (job.queue?.position ?? 0) - 1
    if (!job.queue) return 'Waiting'
    return ahead <= 0 ? 'Next in line' : `Waiting, ${ahead} ahead`
  }
  if (job.state !== 'running') return { finished: 'Finished', failed: 'Failed', cancelled: 'Cancelled' }[job.state]
  const { step, steps, seconds_left: left } = job.progress ?? { step: 0, steps: null, seconds_left: null }
  if (!steps || step === 0) return 'Starting'
  // The last step is taken: what was drawn is made a picture of, which takes long where a style is painted.
  if (step >= steps) return 'Painting'
  const done = `Step ${step} of ${steps}`
  return left !== null && left >= 1 ? `${done}, about ${left < 90 ? `${Math.ceil(left)} s` : duration(left)} left` : done
}

/** How far a job is, from 0 to 1. */
export function share(job: Job): number {
  if (job.state === 'finished') return 1
  return job.progress?.steps ? job.progress.step / job.progress.steps : 0
}

/** A name that tells the file apart in a folder: the prompt's first words and the seed. */
export function fileName(job: Job): string {
  const words = job.request.prompt.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []
  const stem = [...words.slice(0, 6), job.seed].join('-').slice(0, 80)
  return `${stem}.${job.output_format === 'jpeg' ? 'jpg' : job.output_format}`
}

/** What names a picture to a screen reader: nobody wants to hear ten thousand characters before the next button. */
export const short = (text: string, most = 120): string => {
  // Letters beyond the first plane are two of JavaScript's: enough are taken to see whether there are too many.
  const letters = text.length > most ? [...text.slice(0, 2 * most + 2)] : []
  return letters.length > most ? `${letters.slice(0, most - 1).join('').trimEnd()}…` : text
}

const ON_A_DAY = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' })
/** The day as a heading: today and yesterday by name. */
export function day(unixSeconds: number, now = Date.now()): string {
  const ago = Math.round((midnight(now) - midnight(unixSeconds * 1000)) / 86_400_000)
  return ago === 0 ? 'Today' : ago === 1 ? 'Yesterday' : ON_A_DAY.format(unixSeconds * 1000)
}

/** When that day began here, in milliseconds. */
export const midnight = (milliseconds: number): number => new Date(milliseconds).setHours(0, 0, 0, 0)
