/** Reads how many bytes the kernel holds for the client of each connection. Node knows only what it has handed over. */
import { readFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { endianness } from 'node:os'
import ipaddr from 'ipaddr.js'

/** Linux's tables of the TCP connections in this process's network namespace; proc_pid_net(5). */
const TABLES = ['/proc/net/tcp', '/proc/net/tcp6']

/** A connection with unacknowledged bytes: local port, address and port of the peer, and the bytes, all in hexadecimal. */
const WAITING = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+:[0-9A-F]{4}) [0-9A-F]{2} (?!0{8})([0-9A-F]{8}):/gm

/** Returns a function that returns how many bytes wait in the kernel for a client; 0 where that is not known. */
export async function readSendQueues(): Promise<(socket: Socket) => number> {
  const queues = new Map<string, number>()
  for (const table of await Promise.all(TABLES.map(readTable))) {
    for (const [, port, peer, bytes] of table.matchAll(WAITING)) {
      queues.set(`${port} ${peer}`, Number.parseInt(bytes as string, 16))
    }
  }
  return socket => queues.get(connectionKey(socket)) ?? 0
}

/** Returns the table as text; an empty one where there is none, as on macOS, or where no file can be opened. */
function readTable(path: string): Promise<string> {
  return readFile(path, 'latin1').catch(() => '')
}

/** Returns the key of a connection in the kernel's spelling. */
function connectionKey({ localPort = 0, remoteAddress = '::', remotePort = 0 }: Socket): string {
  return `${hexOf(localPort)} ${hexOfAddress(remoteAddress)}:${hexOf(remotePort)}`
}

function hexOf(port: number): string {
  return port.toString(16).toUpperCase().padStart(4, '0')
}

/** Returns an address as the kernel prints it: integers of 32 bits, in the byte order of the machine. */
function hexOfAddress(address: string): string {
  const bytes = Buffer.from(ipaddr.parse(address).toByteArray())
  if (endianness() === 'LE') bytes.swap32()
  return bytes.toString('hex').toUpperCase()
}
