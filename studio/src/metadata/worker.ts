/** Reads one file, beside the page: whatever the file holds, the page goes on answering. */
import { readSettings } from '.'

addEventListener('message', (event: MessageEvent<File>) => {
  void event.data
    .arrayBuffer()
    .then((bytes) => readSettings(new Uint8Array(bytes)))
    .then((reading) => postMessage(reading))
})
postMessage('ready')
