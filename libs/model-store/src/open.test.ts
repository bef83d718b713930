import { describe, expect, test } from 'vitest'
import { parseS3Location, StoreLocation } from './open.ts'

describe('the location of a store', () => {
  test.each([
    ['s3://bucket', { bucket: 'bucket', prefix: '' }],
    ['s3://bucket/', { bucket: 'bucket', prefix: '' }],
    ['s3://bucket/a/b/?region=eu-west-1', { bucket: 'bucket', prefix: 'a/b', region: 'eu-west-1' }],
    [
      's3://b.c/p?endpoint=http://127.0.0.1:7070&forcePathStyle=false',
      { bucket: 'b.c', prefix: 'p', endpoint: 'http://127.0.0.1:7070', forcePathStyle: false },
    ],
  ])('%s is a bucket', (location, expected) => {
    expect(parseS3Location(location)).toEqual(expected)
  })

  test.each([
    's3:',
    's3://',
    's3://Bucket_1',
    's3://bucket:80',
    's3://key:hunter2@bucket',
    's3://hunter2@bucket',
    's3://bucket/a//b',
    's3://bucket/%E0%A4%A',
    's3://bucket/#hunter2',
    's3://bucket?secretAccessKey=hunter2',
    's3://bucket?region=eu-1&region=eu-2',
    's3://bucket?endpoint=ftp://hunter2',
    's3://bucket?endpoint=http://key:hunter2@host',
    's3://bucket?endpoint=http://host?key=hunter2',
  ])('%s is refused, and not repeated', (location) => {
    const parsed = StoreLocation.safeParse(location)

    expect(parsed.success).toBe(false)
    expect(JSON.stringify(parsed.error?.issues)).not.toContain('hunter2')
  })

  test('that is no URL of S3 is a directory', () => {
    for (const directory of ['.drover/store', '/srv/s3', 's3', '/srv/a?b'])
      expect(StoreLocation.parse(directory)).toBe(directory)
  })
})
