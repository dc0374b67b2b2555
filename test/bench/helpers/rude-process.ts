/** The process of a rude server: its rudeness is the first argument; it sends its port, and its counts when asked. */
import { createRudeServer, type Rudeness } from './rude-server.ts'

const { server, counts } = createRudeServer(JSON.parse(process.argv[2] ?? '{}') as Rudeness)
process.on('disconnect', () => process.exit())
process.on('message', () => process.send?.(counts))
server.listen(0, '127.0.0.1', 511, () => {
  const address = server.address()
  process.send?.(typeof address === 'object' ? address?.port : undefined)
})
