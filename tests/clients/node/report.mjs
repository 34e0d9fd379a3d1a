// Runs named cases one after the other and prints what came of each as one JSON object: a result, or an error's parts.
export async function report(cases) {
  const outcomes = {}
  for (const [name, run] of Object.entries(cases)) {
    try {
      outcomes[name] = { result: await run() }
    } catch (error) {
      const { name: kind, message, status, statusCode, code, param, type, requestID, responseBody, isRetryable } = error
      const parts = { kind: error.constructor.name ?? kind, message, code, param, type, requestID, isRetryable }
      outcomes[name] = { error: { ...parts, status: status ?? statusCode, responseBody } }
    }
  }
  process.stdout.write(JSON.stringify(outcomes))
}
