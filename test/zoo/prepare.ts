// Before slow tests that run beside each other: what several of them would make at the same time, the
// Python with TensorFlow and the models that are made or fetched by it. A second or less when all is there.

import { preparePublished } from './published.ts'
import { prepareZoo } from './zoo.ts'

const models = await prepareZoo()
const published = await preparePublished()
console.log(`zoo: ${models.length} models made here, ${published.length} of others`)
