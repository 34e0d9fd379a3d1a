/** The pictures of the form, kept in this browser so that a reload does not lose them: for a day, and within a bound. */

export interface KeptPicture {
  blob: Blob
  name: string
  source: string | null
  mask: Blob | null
}

/** One person's. `at` is when they last changed, in milliseconds. */
interface Kept {
  who: string
  at: number
  pictures: KeptPicture[]
}

const DATABASE = 'safelight'
const STORE = 'form'
/** As much as a request may carry, unless the operator says otherwise. */
const MOST_BYTES = 64 * 1024 * 1024
const LONGEST_MS = 24 * 60 * 60 * 1000

/** What that person left in the form. Other people's pictures, and old ones, are deleted. */
export async function kept(who: string): Promise<KeptPicture[]> {
  const found = await transact<Kept[]>('readonly', (store) => store.getAll() as IDBRequest<Kept[]>)
  const own = (found ?? []).find((each) => each.who === who && Date.now() - each.at < LONGEST_MS)
  for (const each of found ?? []) if (each !== own) await transact('readwrite', (store) => store.delete(each.who))
  return own?.pictures ?? []
}

/** Keep these and no others. Where they are too large together, none are kept. */
export async function keep(who: string, pictures: KeptPicture[]): Promise<void> {
  const size = pictures.reduce((sum, { blob, mask }) => sum + blob.size + (mask?.size ?? 0), 0)
  const isKept = pictures.length > 0 && size <= MOST_BYTES
  if (isKept) await transact('readwrite', (store) => store.put({ who, at: Date.now(), pictures } satisfies Kept))
  else await transact('readwrite', (store) => store.delete(who))
}

/** undefined: this browser keeps nothing, as some do in a private window; or its disk is full. */
async function transact<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  try {
    const database = await opened()
    try {
      return await done(work(database.transaction(STORE, mode).objectStore(STORE)))
    } finally {
      database.close()
    }
  } catch {
    return undefined
  }
}

function opened(): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1)
  request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: 'who' })
  return done(request)
}

const done = <T>(request: IDBRequest<T>): Promise<T> =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => reject(request.error ?? new Error('The browser kept nothing.'))
  })
