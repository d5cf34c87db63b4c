using System;
using System.Buffers.Binary;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Sluice.Build;
using Sluice.Panic;
using Sluice.Runtime;
using Xunit;

namespace Sluice.Tests.Builds;

/// <summary>What the build's tool makes for backtraces, read as the kernel reads it. (tests/Boot holds the real image against binutils.)</summary>
public sealed unsafe class CodeMapTests
{
    private const ulong Address = 0x1000;

    // .eh_frame: the common part, then one method of 64 bytes at 0x2000 with these instructions.
    private static byte[] Section(params byte[] instructions)
    {
        List<byte> section = [];
        Entry(section, [0, 0, 0, 0, 1, (byte)'z', (byte)'L', (byte)'R', 0, 1, 0x78, 16, 2, 0x1B, 0x1B, 0x0C, 7, 8, 0x90, 1]);
        byte[] start = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(start, 0x2000 - (int)(Address + (ulong)section.Count + 8));
        Entry(section, [1, 0, 0, 0, .. start, 64, 0, 0, 0, 4, 1, 2, 3, 4, .. instructions]);
        return [.. section, 0, 0, 0, 0];
    }

    private static void Entry(List<byte> section, byte[] body) => section.AddRange([.. BitConverter.GetBytes(body.Length), .. body]);

    private static byte[] Program(params byte[] instructions) =>
        UnwindEncoder.Encode(CallFrames.Rows(Assert.Single(CallFrames.Read(Section(instructions), Address))));

    [Fact]
    public void A_prologue_is_read_from_the_compilers_section()
    {
        // push rbp at 0; push r15 at 1; sub rsp, 520 at 3; lea rbp, [rsp + 512] at 10
        byte[] section = Section(0x41, 0x0E, 16, 0x86, 2, 0x42, 0x0E, 24, 0x8F, 3, 0x47, 0x0E, 0xA0, 4, 0x48, 0x0D, 6, 0x0E, 16, 0, 0);
        CallFrame frame = Assert.Single(CallFrames.Read(section, Address));
        Assert.Equal((0x2000ul, 64u), (frame.Start, frame.Length));
        UnwindProgram program = new(UnwindEncoder.Encode(CallFrames.Rows(frame)));
        (uint Offset, int Register, uint Words, int Rbp, int R15)[] expected =
            [(0, 7, 1, 0, 0), (1, 7, 2, 2, 0), (2, 7, 2, 2, 0), (3, 7, 3, 2, 3), (9, 7, 3, 2, 3), (10, 7, 68, 2, 3), (18, 6, 2, 2, 3), (63, 6, 2, 2, 3)];
        foreach ((uint offset, int register, uint words, int rbp, int r15) in expected)
        {
            FrameRules rules = program.At(offset);
            Assert.Equal((register, words, rbp, r15), (rules.Register, rules.Words, rules.Saved[6], rules.Saved[15]));
        }
    }

    [Fact]
    public void A_method_without_a_prologue_has_its_return_address_on_top()
    {
        byte[] program = Program(0, 0, 0);
        Assert.Equal([0], program);
        Assert.Equal((7, 1u), (new UnwindProgram(program).At(40).Register, new UnwindProgram(program).At(40).Words));
    }

    [Fact]
    public void A_step_far_away_and_long_frames_are_kept()
    {
        // advance_loc1 200, advance_loc2 300; def_cfa_offset 100,032
        UnwindProgram program = new(Program(0x41, 0x0E, 16, 0x83, 2, 0x02, 200, 0x0E, 0xC0, 0x8D, 6, 0x03, 0x2C, 1, 0x0E, 16));
        (uint Offset, uint Words)[] expected = [(1, 2), (200, 2), (201, 12504), (500, 12504), (501, 2)];
        foreach ((uint offset, uint words) in expected)
            Assert.Equal(words, program.At(offset).Words);
        FrameRules rules = program.At(300);
        Assert.Equal(2, rules.Saved[3]);
    }

    [Theory]
    [InlineData("remember_state", 0x41, 0x0E, 16, 0x0A)]
    [InlineData("restore_state", 0x41, 0x0B)]
    [InlineData("expression", 0x41, 0x0F, 1, 0)]
    [InlineData("a register is given back", 0x41, 0x0E, 16, 0x86, 2, 0x41, 0xC6)]
    [InlineData("saved elsewhere than on top", 0x41, 0x0E, 24, 0x86, 2)]
    [InlineData("saved without a push", 0x41, 0x86, 2)]
    [InlineData("two at once", 0x41, 0x0E, 24, 0x86, 2, 0x83, 3)]
    [InlineData("another register", 0x41, 0x0D, 10)]
    [InlineData("back from rbp", 0x41, 0x0D, 6, 0x41, 0x0D, 7)]
    [InlineData("no whole word", 0x41, 0x0E, 12)]
    [InlineData("a saved register that is no callee's", 0x41, 0x0E, 16, 0x82, 2)]
    public void What_the_kernel_could_not_follow_stops_the_build(string what, params int[] instructions)
    {
        Assert.NotEmpty(what);
        Assert.Throws<InvalidDataException>(() => Program([.. instructions.Select(value => (byte)value)]));
    }

    [Fact]
    public void Another_common_part_stops_the_build()
    {
        byte[] section = Section();
        section[16] ^= 8;
        Assert.Throws<InvalidDataException>(() => CallFrames.Read(section, Address));
    }

    [Fact]
    public void Any_list_of_names_comes_back()
    {
        var name = Gen.Elements("System.", "Mm.", "Try", "Page", "~", " ", "0", "aaa", "x").ListOf().Select(parts => string.Concat(parts.Take(20)));
        Prop.ForAll(name.ListOf().ToArbitrary(), names =>
        {
            string[] list = [.. names];
            (byte[] pairs, byte[] packed) = NamePacker.Pack(list);
            Assert.Equal(list, Unpack(pairs, packed));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Names_in_order_take_a_fraction_of_their_length()
    {
        string[] names = [.. from type in new[] { "Page", "Slab", "Range" } from verb in new[] { "Give", "Take", "Find" } from i in Enumerable.Range(0, 40) select $"Memory.{type}Allocator.{verb}{i}"];
        (byte[] pairs, byte[] packed) = NamePacker.Pack(names);
        Assert.Equal(names, Unpack(pairs, packed));
        Assert.InRange(packed.Length, 1, names.Sum(name => name.Length) / 5);
    }

    [Theory]
    [InlineData("a\tb")]
    [InlineData("ä")]
    [InlineData(null)]
    public void A_name_that_cannot_be_packed_stops_the_build(string? name) =>
        Assert.Throws<InvalidDataException>(() => NamePacker.Pack(["first", name ?? new string('n', PackedName.MostBytes + 1)]));

    private static List<string> Unpack(byte[] pairs, byte[] packed)
    {
        List<string> names = [];
        PackedName name = default;
        for (int at = 0; at < packed.Length;)
        {
            name.ReadNext(packed, ref at, pairs);
            names.Add(Encoding.ASCII.GetString(name.Text));
        }
        return names;
    }
}
