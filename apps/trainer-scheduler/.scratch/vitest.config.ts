import { defineConfig, mergeConfig } from 'vitest/config'
import base from '../../../vitest.config.ts'
export default mergeConfig(base, defineConfig({ root: '/work/main', resolve: { alias: { '@drover/jobs': '/work/main/apps/trainer-scheduler/.scratch/jobs/index.ts' } } }))
