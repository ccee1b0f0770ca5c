"""A model's files on this machine: found, or fetched."""

import errno
from pathlib import Path

from aigc_core.hub import disk, settings
from aigc_core.hub.adopt import record_on_disk
from aigc_core.hub.download import Download
from aigc_core.hub.errors import DiskFull, HubError, NotWritable, Offline
from aigc_core.hub.files import choose
from aigc_core.hub.listing import fetch_components, fetch_listing
from aigc_core.hub.meter import Meter
from aigc_core.hub.record import (
    Record,
    read_record,
    record_path,
    snapshot_folder,
    unverified,
    write_record,
)
from aigc_core.hub.running import run
from aigc_core.hub.source import Source
from aigc_core.hub.transfer import Report, quietly
from aigc_core.hub.web import Web

FULL = (errno.ENOSPC, errno.EDQUOT)
SHUT = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)


def local(source: Source) -> Path | None:
    """The folder of a complete and verified snapshot, or None.

    Looks at the names, sizes and times of its files only, and never at the network. A snapshot
    that another program downloaded counts once `fetch` has verified it.
    """
    folder = snapshot_folder(source)
    record = read_record(record_path(source))
    return folder if record and record.files and not unverified(record, folder) else None


def fetch(source: Source, report: Report = quietly) -> Path:
    """The folder of a complete and verified snapshot; downloads what is missing.

    A download that was broken off, also with its process, goes on where it stopped. The files lie
    where every program that uses the hub looks for them. Not to be called where an event loop
    runs already.

    Args:
        source: which snapshot.
        report: is called in this thread at least every 0.1 s, and ends the download by raising.

    Raises:
        HubError: its subclass says why it cannot be had.
        Cancelled: or whatever else `report` raises.
    """
    found = local(source)
    if found is not None:
        return found
    meter = Meter(source.repo, report)
    try:
        record = run(meter, lambda: gather(source, meter))
    except OSError as error:
        raise named(error, source, meter) from error
    write_record(record_path(source), record)
    meter.tell()
    return snapshot_folder(source)


async def gather(source: Source, meter: Meter) -> Record:
    """The snapshot's files, all of them verified: downloaded, or found on the disk."""
    if settings.offline():
        return await verified_on_disk(source, meter, Offline(source.repo))
    async with Web(source.repo) as web:
        try:
            record = await planned(source, web, meter)
        except HubError as error:
            # What is here already needs no hub.
            return await verified_on_disk(source, meter, error)
        write_record(record_path(source), record)
        download = Download(source, record, meter)
        try:
            await download.bring(web)
        finally:
            record = Record(record.files, download.verified)
            write_record(record_path(source), record)
    return record


async def planned(source: Source, web: Web, meter: Meter) -> Record:
    """What the snapshot consists of, as the hub says, and what is known to be verified."""
    listing = await fetch_listing(web, meter, source.revision)
    components = await fetch_components(web, meter, listing)
    files = choose(source.repo, listing.files, source.variant, components)
    before = read_record(record_path(source))
    return Record(files, before.verified if before and before.files == files else {})


async def verified_on_disk(source: Source, meter: Meter, otherwise: HubError) -> Record:
    """The snapshot as it is on the disk, if it is complete."""
    record = record_on_disk(source)
    if record is None:
        raise otherwise
    download = Download(source, record, meter)
    if not await download.verify():
        raise otherwise
    return Record(record.files, download.verified)


def named(error: OSError, source: Source, meter: Meter) -> Exception:
    """What an error of the disk means."""
    if error.errno in FULL:
        needs = meter.total - sum(meter.here.values()) + disk.RESERVE
        return DiskFull(source.repo, needs, disk.free_bytes(settings.cache()))
    if error.errno in SHUT:
        return NotWritable(source.repo, str(settings.cache()))
    return error
