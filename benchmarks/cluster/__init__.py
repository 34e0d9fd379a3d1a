"""A Ray cluster on this machine: what a picture costs beside drawing, who waits for whom, and what it sees of deaths.

`overhead`: one picture after the other, no steps to speak of. `pace`: four hosts of 0.2 s a picture, asked by two api
processes. `line`: many hosts as tasks of one process, which is what two cores can hold, asked over HTTP through four
`safelight serve`, against a real line; how much of a core that takes, and when it is back after its death. `fair`: a
light key beside a flooding one, over HTTP, four hosts. `flood`: how much four api processes let in, and whether
`Retry-After` is true. `away`: the head's GCS is dead for a minute, and a machine is frozen.

Hosts draw stripes, so that what is measured is the way to them and back. It needs Ray (`pip install 'safelight[ray]'`).
"""
