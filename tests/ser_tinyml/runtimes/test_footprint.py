import pytest

from schemas.errors import UserError
from ser_tinyml.runtimes.footprint import by_library, of_engine, read_map, sum_flash, sum_ram

MAP = """
Discarded input sections
 .text.dropped  0x0000000000000000       0x99 libser_engine.a(ser_kernels.c.obj)

Linker script and memory map

 .text.ser_dot4
                0x0000000000001000       0xa2 libser_engine.a(ser_kernels.c.obj)
                0x0000000000001000                ser_dot4
 .rodata.layer_1_lstm_1_weights
                0x0000000000002000    0x12000 libser_model.a(ser_model.c.obj)
 .rodata.layer_1_lstm_1_bias 0x0000000000015000      0x800 libser_model.a(ser_model.c.obj)
 .rodata.layer_1_lstm_1 0x0000000000016000       0x58 libser_model.a(ser_model.c.obj)
 .rodata.ser_hann 0x0000000000017000       0x200 libser_model.a(ser_model.c.obj)
 .rodata.ser_labels 0x0000000000018000       0x10 libser_model.a(ser_model.c.obj)
 .data.start    0x0000000020000000        0x4 CMakeFiles/ser_firmware.elf.dir/boards/mps2_an386/firmware.c.obj
 .bss.state     0x0000000020000010      0x544 libser_model.a(ser_model.c.obj)
 .bss.empty     0x0000000020000600        0x0 libser_app.a(ser_app.c.obj)
 .debug_info    0x0000000000000000     0x1234 libser_app.a(ser_app.c.obj)
"""


def test_what_the_linker_dropped_and_debugging_takes_no_room():
    sections = read_map(MAP)
    assert sum_flash(sections) == 0xA2 + 0x12000 + 0x800 + 0x58 + 0x200 + 0x10 + 4
    assert sum_ram(sections) == 4 + 0x544


def test_weights_biases_and_the_front_ends_tables_are_not_the_engines():
    engine = of_engine(read_map(MAP))
    assert (sum_flash(engine), sum_ram(engine)) == (0xA2 + 0x58 + 0x10, 0x544)


def test_sizes_are_told_by_library():
    found = by_library(read_map(MAP))
    assert found["firmware.c.obj"] == {"flash": 4, "ram": 4}
    assert found["libser_model"]["ram"] == 0x544


def test_a_map_without_a_program_is_an_error():
    with pytest.raises(UserError, match="places nothing in flash"):
        read_map("Linker script and memory map\n")
