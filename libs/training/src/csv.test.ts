import { mkdtemp, open, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FILE_BYTES_MAX, readRows, RECORD_CHARACTERS_MAX } from './csv.ts'

let folder: string
let path: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'drover-csv-'))
  path = join(folder, 'rows.csv')
})
afterAll(async () => await rm(folder, { recursive: true }))

async function read(text: string | Buffer, columns = ['a', 'b']) {
  await writeFile(path, text)
  const rows: (string | number)[][] = []
  await readRows(path, columns, (fields, line) => rows.push([...fields, line]))
  return rows
}

describe('a good file is read', () => {
  test.each([
    ['with more columns than are wanted', 'c,b,a\n1,2,3\n', [['3', '2', 2]]],
    ['with a byte order mark', '\uFEFFa,b\n1,2\n', [['1', '2', 2]]],
    [
      'with any line ends',
      'a,b\r\n1,2\n3,4\r\n5,6',
      [
        ['1', '2', 2],
        ['3', '4', 3],
        ['5', '6', 4],
      ],
    ],
    [
      'with quotes, commas and line ends in fields',
      'a,b\n"1,\n2","say ""hi"""\n3,4\n',
      [
        ['1,\n2', 'say "hi"', 3],
        ['3', '4', 4],
      ],
    ],
    ['with empty lines and empty fields', 'a,b\n\n1,\n\n', [['1', '', 3]]],
    [
      'with columns that are called like parts of objects',
      '__proto__,a,b\n1,2,3\n',
      [['2', '3', 2]],
    ],
  ])('%s', async (_, text, rows) => {
    expect(await read(text)).toEqual(rows)
  })
})

describe('a bad file is refused, and the message names the line', () => {
  test.each([
    ['nothing', '', 'the file is empty'],
    ['no rows', 'a,b\n', 'the file has a header but no rows'],
    ['a missing column', 'a,x\n1,2\n', 'line 1: there is no column b; there is "a", "x"'],
    ['a column twice', 'a,b,a\n1,2,3\n', 'line 1: the column a is there twice'],
    ['a short row', 'a,b\n1,2\n3\n', 'line 3: the row has 1 fields and the header 2'],
    ['a long row', 'a,b\n"1\n1",2\n3,4,5\n', 'line 4: the row has 3 fields and the header 2'],
    ['a quote in a field', 'a,b\n1,2\n3,x"y\n', 'line 3: the row has a quote in the wrong place'],
    ['text behind a quote', 'a,b\n1,"2"3\n', 'line 2: the row has a quote in the wrong place'],
    ['an open quote', 'a,b\n1,2\n3,"4\n5,6\n', 'line 3: the row has a quote that is never closed'],
    [
      'a field without end',
      `a,b\n1,2\n3,${'x'.repeat(2 * RECORD_CHARACTERS_MAX)}\n`,
      `line 3: the row has more than ${RECORD_CHARACTERS_MAX} characters`,
    ],
    [
      'one field of a whole file',
      `a,b\n1,"${'x,y\n'.repeat(RECORD_CHARACTERS_MAX)}`,
      `line 2: the row has more than ${RECORD_CHARACTERS_MAX} characters`,
    ],
    [
      'Latin-1',
      Buffer.from('a,b\n1,2\n\u00E4,3\n4,5\n', 'latin1'),
      'line 3: the text is not UTF-8',
    ],
    [
      'a cut character',
      Buffer.from('a,b\n1,\u00E4').subarray(0, -1),
      'line 2: the text is not UTF-8',
    ],
    ['UTF-16', Buffer.from('\uFEFFa,b\n1,2\n', 'utf16le'), 'line 1: the text is not UTF-8'],
  ])('%s', async (_, text, message) => {
    await expect(read(text)).rejects.toMatchObject({ code: 'BAD_DATA', message })
  })

  test('a character cut by the end of a chunk is no fault of the line', async () => {
    const text = `a,b\n${'x'.repeat(64 * 1024 - 7)},\u00E4\n1,2\n`
    expect(await read(text)).toHaveLength(2)
    const broken = Buffer.concat([Buffer.from(text), Buffer.from([0xff, 0x2c, 0x0a])])
    await expect(read(broken)).rejects.toThrow('line 4: the text is not UTF-8')
  })

  test('1 GB is refused by its size, unread', async () => {
    await (await open(path, 'w')).close()
    await truncate(path, 1024 ** 3)

    const message = `the file has ${1024 ** 3} bytes, which is more than ${FILE_BYTES_MAX}`
    await expect(readRows(path, ['a'], () => {})).rejects.toMatchObject({
      code: 'BAD_DATA',
      message,
    })
  })

  test('a folder is no data', async () => {
    await expect(readRows(folder, ['a'], () => {})).rejects.toMatchObject({ code: 'BAD_DATA' })
  })

  test('a file that is not there may be there another time', async () => {
    const gone = join(folder, 'gone.csv')
    await expect(readRows(gone, ['a'], () => {})).rejects.toMatchObject({ code: 'TRANSIENT' })
  })
})
