"""A dataset as Croissant metadata (https://docs.mlcommons.org/croissant), for catalogues and loaders of others."""

from collections.abc import Mapping
from typing import Any

from schemas.run_files import Dataset
from ser_tinyml.corpora import CORPORA
from ser_tinyml.version import VERSION

_CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "containedIn": "cr:containedIn",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def make_croissant(dataset: Dataset, sha256: Mapping[str, str]) -> dict[str, Any]:
    """Returns the metadata; it has no date, so that the same dataset gives the same bytes.

    Args:
      dataset: the finished dataset.
      sha256: of each shard, by its name.
    """
    used = sorted({corpus for split in dataset.splits.values() for corpus in split.corpora})
    known = [CORPORA[name] for name in used if name in CORPORA]
    front_end = dataset.front_end
    seconds = front_end.window_samples / front_end.sample_rate
    shape = f"{front_end.n_frames} frames of {' and '.join([f'{front_end.n_mfcc} MFCCs', *front_end.prosody])}"
    made = "synthetic speech" if dataset.synthetic else f"recordings of {', '.join(used)}"
    document: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": "emotion-from-speech-mfcc",
        "description": f"Windows of {seconds:g} s of {made}, as {shape} in TFRecords of SequenceExamples, with their class.",
        "version": VERSION,
        "identifier": dataset.digest,
        "license": [f"{corpus.title}: {corpus.licence}" for corpus in known]
        or ["that of the recordings it was made of"],
        "citeAs": "; ".join(f"{corpus.title}: {corpus.citation}" for corpus in known) or "the recordings' makers",
        "keywords": ["speech emotion recognition", "MFCC", "TFRecord"],
        "isLiveDataset": False,
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": name,
                "name": name,
                "contentUrl": name,
                "encodingFormat": "application/gzip" if name.endswith(".gz") else "application/x-tfrecord",
                "sha256": digest,
            }
            for name, digest in sorted(sha256.items())
        ],
        "recordSet": [_list_splits(dataset), _list_labels(dataset)],
    }
    return document


def _list_splits(dataset: Dataset) -> dict[str, Any]:
    rows = [
        {"splits/name": name, "splits/records": split.examples, "splits/shards": ", ".join(split.shards)}
        for name, split in dataset.splits.items()
        if split.examples
    ]
    fields = {"name": "sc:Text", "records": "sc:Integer", "shards": "sc:Text"}
    return _record_set("splits", "The splits, the number of their records, and the files that hold them.", fields, rows)


def _list_labels(dataset: Dataset) -> dict[str, Any]:
    rows = [{"labels/index": index, "labels/name": name} for index, name in enumerate(dataset.labels)]
    return _record_set("labels", "What a record's `label` means.", {"index": "sc:Integer", "name": "sc:Text"}, rows)


def _record_set(name: str, description: str, fields: Mapping[str, str], rows: list[dict]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "field": [
            {"@type": "cr:Field", "@id": f"{name}/{field}", "name": f"{name}/{field}", "dataType": kind}
            for field, kind in fields.items()
        ],
        "data": rows,
    }
