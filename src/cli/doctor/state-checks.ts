import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createJsonFileStorage } from '../../adapters/storage/json-file.ts';
import { stateLockHolder } from '../../adapters/storage/state-lock.ts';
import { messageOf } from '../../core/errors.ts';
import { type Finding, fault, note, ok } from './finding.ts';

const SUBJECT = 'State directory';

/** Whether the directory can be used, without making it, and whether what is in it can be read. */
export async function checkState(directory: string): Promise<Finding[]> {
  return [await checkDirectory(directory), ...(await checkRecord(directory))];
}

async function checkDirectory(directory: string): Promise<Finding> {
  try {
    await access(await nearestExisting(directory), constants.W_OK | constants.X_OK);
  } catch (error) {
    return fault(
      SUBJECT,
      `${directory} cannot be written: ${messageOf(error)}`,
      'Make it writable for this user, or choose another with --set paths.state=DIR.',
    );
  }
  const holder = await stateLockHolder(directory);
  if (holder === undefined) return ok(SUBJECT, directory);
  return note(
    SUBJECT,
    `${directory} is in use by a running device, process ${holder}.`,
    'A second device needs its own: --set paths.state=DIR.',
  );
}

async function nearestExisting(directory: string): Promise<string> {
  try {
    await access(directory);
    return directory;
  } catch (error) {
    const parent = dirname(directory);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || parent === directory) throw error;
    return nearestExisting(parent);
  }
}

async function checkRecord(directory: string): Promise<Finding[]> {
  const findings: Finding[] = [];
  const onDamaged = (error: Error) => findings.push(note(SUBJECT, error.message));
  await createJsonFileStorage({ directory, onDamaged })
    .get('identity')
    .catch((error) => findings.push(fault(SUBJECT, messageOf(error))));
  return findings;
}
