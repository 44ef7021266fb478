# SPDX-License-Identifier: MIT
"""What a server may do to the byte at `index` of `data`, for the scripts beside this file."""


def corrupt(data, index):
    return data[:index] + bytes([data[index] ^ 0x20]) + data[index + 1:]


def drop(data, index):
    return data[:index] + data[index + 1:]


def repeat(data, index):
    return data[:index + 1] + data[index:]


def swap(data, index):
    if index + 1 == len(data) or data[index] == data[index + 1]:
        index -= 1
    return data[:index] + bytes([data[index + 1], data[index]]) + data[index + 2:]
