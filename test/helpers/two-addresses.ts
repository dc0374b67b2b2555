/** Loaded before a process: makes localhost resolve to 127.0.0.1 and ::1, which not every machine does. */
import dns, { type LookupAddress, type LookupAllOptions } from 'node:dns'

type Found = (error: NodeJS.ErrnoException | null, addresses: string | LookupAddress[]) => void

const { lookup } = dns

const LOOPBACK = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
] as const

Object.assign(dns, {
  lookup(name: string, options: LookupAllOptions, done: Found) {
    if (name === 'localhost' && options.all) done(null, [...LOOPBACK])
    else lookup(name, options, done)
  },
})
