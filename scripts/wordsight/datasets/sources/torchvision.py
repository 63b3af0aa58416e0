"""The datasets that torchvision downloads, with their official splits.

Addresses, MD5 sums and layout are torchvision's, so that a folder that it filled can be used as it is. The
files are read here, because torchvision unpickles CIFAR, which could run code, and doesn't check MNIST once
it is unpacked. So CIFAR comes in its binary version, and every file is verified at every use.

Sources: LeCun et al. 1998 (MNIST); Xiao et al. 2017 (Fashion-MNIST); Krizhevsky 2009 (CIFAR); Netzer et al.
2011 (SVHN).
"""

import gzip
import math
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.io

from wordsight.catalogue.section import nearest
from wordsight.config.datasets import TorchvisionDataset
from wordsight.datasets.source import DIGITS, Item, Source, items_of_arrays
from wordsight.downloads import fetching
from wordsight.errors import ConfigError, DataError


@dataclass(frozen=True)
class Download:
    """A file below the root and its addresses.

    Publishers and torchvision only state MD5 sums; a configured SHA-256 is checked instead of the MD5 sum.
    """

    path: str
    md5: str
    addresses: tuple[str, ...]
    sha256: str | None = None


def _mnist_files(name: str, addresses: tuple[str, ...], sums: tuple[str, str, str, str]) -> list[Download]:
    files = [
        f"{part}-{kind}-ubyte.gz" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")
    ]
    return [
        Download(f"{name}/raw/{file}", md5, tuple(address + file for address in addresses))
        for file, md5 in zip(files, sums, strict=True)
    ]


def _file(address: str, md5: str) -> Download:
    return Download(address.rpartition("/")[2], md5, (address,))


FILES = {
    "MNIST": _mnist_files(
        "MNIST",
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873",
            "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3",
            "ec29112dd5afa0611ce80d1b7f02629c",
        ),
    ),
    "FashionMNIST": _mnist_files(
        "FashionMNIST",
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        ),
    ),
    "CIFAR10": [
        _file("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
    ],
    "CIFAR100": [
        _file("https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"),
    ],
    "SVHN": [
        _file("http://ufldl.stanford.edu/housenumbers/train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
        _file("http://ufldl.stanford.edu/housenumbers/test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"),
    ],
}
LICENCES = {
    "MNIST": "CC BY-SA 3.0",
    "FashionMNIST": "MIT",
    "CIFAR10": "none stated",
    "CIFAR100": "none stated",
    "SVHN": "non-commercial use only",
}
FASHION = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]


def load(section: TorchvisionDataset) -> Source:
    """Download what is missing, below ``section.root`` or in the cache, and read it.

    Raises
    ------
    DownloadError
        When a file can't be downloaded, or doesn't have the expected checksum.
    """
    paths = [retrieve(file, section) for file in files_of(section)]
    if section.name in {"MNIST", "FashionMNIST"}:
        classes, train, test = _mnist(section.name, paths)
    elif section.name == "SVHN":
        classes, train, test = DIGITS, _svhn("svhn-train", paths[0]), _svhn("svhn-test", paths[1])
    else:
        classes, train, test = _cifar(section.name, paths[0])
    folder = FILES[section.name][0].addresses[0].rpartition("/")[0]
    return Source(folder, LICENCES[section.name], classes, train, test)


def files_of(section: TorchvisionDataset) -> list[Download]:
    """Files of a dataset, each with the SHA-256 that ``section.sha256`` gives its name.

    Raises
    ------
    ConfigError
        When ``section.sha256`` names a file that the dataset doesn't have.
    """
    files = FILES[section.name]
    names = [Path(file.path).name for file in files]
    for name in section.sha256:
        if name not in names:
            raise ConfigError(
                f"config: datasets: {section.name}: sha256: unknown file {name!r}; {nearest(name, names)}"
            )
    return [replace(file, sha256=section.sha256.get(name)) for name, file in zip(names, files, strict=True)]


def retrieve(file: Download, section: TorchvisionDataset) -> Path:
    """Path of a verified file, which is downloaded if it is missing."""
    return fetching.fetch(
        file.addresses,
        sha256=file.sha256,
        md5=None if file.sha256 else file.md5,
        path=Path(section.root) / file.path if section.root else None,
        expected=f"a file of {section.name}",
    )


def read_idx(path: Path) -> np.ndarray:
    """Array of a gzipped IDX file: two zero bytes, type (8: uint8), rank, big-endian sizes, values."""
    with gzip.open(path) as file:
        data = file.read()
    rank = data[3] if data[:3] == b"\0\0\x08" and len(data) > 3 else 0
    header = 4 + 4 * rank
    shape = tuple(np.frombuffer(data[4:header], ">u4").tolist()) if len(data) >= header else ()
    if not rank or len(data) != header + math.prod(shape):
        raise DataError(f"{path}: is not an IDX file of bytes: its {len(data)} bytes do not fit its header")
    return np.frombuffer(data, np.uint8, offset=header).reshape(shape)


def read_cifar(data: bytes, labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Images (n, 32, 32, 3) and labels (n,) of a binary batch.

    A record is ``labels`` bytes, the last of which is the label, and the red, green and blue planes.
    """
    records = np.frombuffer(data, np.uint8).reshape(-1, labels + 3 * 32 * 32)
    return records[:, labels:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), records[:, labels - 1]


def _mnist(name: str, paths: list[Path]) -> tuple[list[str], list[Item], list[Item]]:
    train_images, train_labels, test_images, test_labels = map(read_idx, paths)
    prefix = name.lower()
    train = items_of_arrays(f"{prefix}-train", train_images, train_labels)
    test = items_of_arrays(f"{prefix}-test", test_images, test_labels)
    return DIGITS if name == "MNIST" else FASHION, train, test


def _svhn(prefix: str, path: Path) -> list[Item]:
    """Items of a split of SVHN, where the digit 0 has the label 10."""
    matrices = scipy.io.loadmat(path)
    return items_of_arrays(prefix, matrices["X"].transpose(3, 0, 1, 2), matrices["y"].ravel() % 10)


def _cifar(name: str, path: Path) -> tuple[list[str], list[Item], list[Item]]:
    """Classes and both splits, read directly from the archive: nothing is unpacked to disk."""
    if name == "CIFAR10":
        folder, names, labels = "cifar-10-batches-bin", "batches.meta.txt", 1
        batches = [[f"data_batch_{number}.bin" for number in range(1, 6)], ["test_batch.bin"]]
    else:
        folder, names, labels = "cifar-100-binary", "fine_label_names.txt", 2
        batches = [["train.bin"], ["test.bin"]]
    with tarfile.open(path) as archive:
        classes = _member(archive, f"{folder}/{names}").decode().split()
        arrays = [
            [read_cifar(_member(archive, f"{folder}/{file}"), labels) for file in files] for files in batches
        ]
    splits = []
    for split, parts in zip(("train", "test"), arrays, strict=True):
        images, numbers = (np.concatenate(values) for values in zip(*parts, strict=True))
        splits.append(items_of_arrays(f"{name.lower()}-{split}", images, numbers))
    return classes, splits[0], splits[1]


def _member(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    if file is None:
        raise DataError(f"{archive.name!s}: has no file {name}")
    return file.read()
