import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createJsonFileStorage } from '../../adapters/storage/json-file.ts';
import { ownershipOf } from '../../adapters/storage/private-directory.ts';
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
  const doubtful = await checkOwner(directory);
  if (doubtful) return doubtful;
  const holder = await stateLockHolder(directory);
  if (holder === undefined) return ok(SUBJECT, directory);
  return note(
    SUBJECT,
    `${directory} is in use by a running device, process ${holder}.`,
    'A second device needs its own: --set paths.state=DIR.',
  );
}

const another = 'Run the device as that user, or choose another directory with --set paths.state=DIR.';

async function checkOwner(directory: string): Promise<Finding | undefined> {
  switch (await ownershipOf(directory).catch(() => undefined)) {
    case 'refused':
      return fault(SUBJECT, `${directory} belongs to another user, and is not used.`, another);
    case "another's":
      return note(SUBJECT, `${directory} belongs to another user, who may replace what is in it.`, another);
    case 'is open':
      return note(
        SUBJECT,
        `${directory} can be written by other users.`,
        'The device closes it to them when it starts; if you do not trust them, delete it first.',
      );
    case undefined:
      return undefined;
  }
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
