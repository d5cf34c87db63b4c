using System;
using System.Collections.Generic;
using System.Linq;
using Sluice.Drivers.Dv;
using Sluice.Drivers.Video;
using Sluice.Tests.Dma;
using Sluice.Tests.Mm;
using Xunit;

namespace Sluice.Tests.FireWire;

/// <summary>Pictures with detail, written as the standard has it and computed again with real numbers.</summary>
public sealed class DvPictureTests
{
    // What integers may be off, of 255.
    private const double Tolerance = 3;

    // Sources: SMPTE 314M, tables of quantization (steps as shifts, for the four areas) and of codes; figures of the scans.
    private static readonly string[] _shifts = ["3344", "3344", "2334", "2334", "2233", "2233", "1223", "1223", "1122", "1122", "0112", "0112", "0011", "0011", "0001", "0000"];
    private static readonly int[] _firstRows = [6, 3, 0, 1];

    private static readonly int[] _scan =
    [
        0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28,
        35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    ];

    // Of pairs, sum and difference four rows below.
    private static readonly int[] _pairs = [0, 1, 8, 2, 9, 16, 24, 17, 10, 3, 4, 11, 18, 25, 26, 19, 12, 5, 6, 13, 20, 27, 28, 21, 14, 7, 15, 22, 29, 30, 23, 31];

    private static readonly Dictionary<(int Run, int Amplitude), string> _codes = Codes();

    private readonly Random _random = new(7);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pictures_are_what_their_coefficients_say_wherever_their_codes_lie(bool is50)
    {
        int sequences = is50 ? 12 : 10;
        byte[] frame = new byte[sequences * 150 * 80];
        _random.NextBytes(frame);
        var expected = new Dictionary<(int X, int Y), double[]>();
        var differences = new List<(MacroblockPlace Place, bool IsRed, double[] Samples)>();
        int moved = 0;
        for (int sequence = 0; sequence < sequences; sequence++)
        {
            for (int number = 0; number < 135; number += 5)
            {
                Block[] blocks = Blocks();
                moved += Write(frame, sequence, number, blocks);
                for (int i = 0; i < 30; i++)
                {
                    var place = new MacroblockPlace(is50, sequence, number + (i / 6));
                    int which = i % 6;
                    if (which < 4)
                        expected.Add((place.X + (place.IsSquare ? which % 2 : which), place.Y + (place.IsSquare ? which / 2 : 0)), blocks[i].Samples());
                    else
                        differences.Add((place, which == 4, blocks[i].Samples()));
                }
            }
        }
        Assert.InRange(moved, 100, 10_000);
        Assert.Equal(90 * (is50 ? 72 : 60), expected.Count);
        using var memory = new DmaMachine(MachineMap.Of((0x10_0000, 31 << 20)), MachineKind.All.First());
        var decoder = new DvPicture(memory.Memory.Pages);
        Assert.True(decoder.TryMake());
        VideoPicture picture = decoder.Decode(frame);
        int line = picture.Bytes.Length / picture.Height, pixels = is50 ? 2 : 4, group = is50 ? 4 : 6;
        foreach (((int x, int y), double[] samples) in expected)
        {
            for (int i = 0; i < 64; i++)
            {
                int at = (x * 8) + (i % 8);
                byte seen = picture.Bytes[(((y * 8) + (i / 8)) * line) + (at / pixels * group) + (is50 ? 1 + (2 * (at % 2)) : ((int[])[1, 2, 4, 5])[at % 4])];
                Near((samples[i] + 112) * 255 / 219, seen);
            }
        }
        foreach ((MacroblockPlace place, bool isRed, double[] samples) in differences)
        {
            for (int i = 0; i < 64; i++)
            {
                int x = i % 8, y = is50 ? i / 8 * 2 : i / 8;
                if (!is50 && place.IsSquare && x > 3)
                    (x, y) = (x - 4, y + 8);
                Near((samples[i] * 255 / 224) + 128, picture.Bytes[(((place.Y * 8) + y) * line) + (((place.X * 8 / pixels) + x) * group) + (isRed ? group / 2 : 0)]);
            }
        }
        decoder.Free();
    }

    [Fact]
    public void Whatever_a_frame_consists_of_a_picture_comes_of_it()
    {
        using var memory = new DmaMachine(MachineMap.Of((0x10_0000, 31 << 20)), MachineKind.All.First());
        var decoder = new DvPicture(memory.Memory.Pages);
        Assert.True(decoder.TryMake());
        for (int run = 0; run < 20; run++)
        {
            byte[] frame = new byte[(run % 2 == 0 ? 10 : 12) * 150 * 80];
            if (run < 6)
                Array.Fill(frame, (byte)(run / 2 == 0 ? 0 : run / 2 == 1 ? 0xFF : 0xFC));
            else
                _random.NextBytes(frame);
            VideoPicture picture = decoder.Decode(frame);
            Assert.Equal((720, run % 2 == 0 ? 480 : 576), (picture.Width, picture.Height));
        }
        decoder.Free();
    }

    private static void Near(double expected, byte seen) => Assert.InRange(seen, Math.Clamp(expected, 0, 255) - Tolerance, Math.Clamp(expected, 0, 255) + Tolerance);

    // Some blocks have much more to say than others, all together not more than a segment has room for.
    private Block[] Blocks()
    {
        var blocks = new Block[30];
        int quantizer = 0;
        for (int i = 0; i < 30; i++)
        {
            quantizer = i % 6 == 0 ? _random.Next(16) : quantizer;
            var block = new Block(_random.Next(-200, 200), _random.Next(3) == 0, _random.Next(4), quantizer);
            int many = _random.Next(6) == 0 ? 40 : _random.Next(8);
            for (int j = 0; j < many; j++)
                block.Levels[1 + _random.Next(63)] = _random.Next(30) == 0 ? _random.Next(-60, 60) : _random.Next(-3, 4);
            blocks[i] = block;
        }
        while (blocks.Sum(block => block.Bits().Length) > 5 * ((4 * 112) + (2 * 80)))
            Array.Clear(blocks.MaxBy(block => block.Bits().Length)!.Levels, 20, 44);
        return blocks;
    }

    // The places of a segment's bits; how many blocks had to go elsewhere.
    private static int Write(byte[] frame, int sequence, int number, Block[] blocks)
    {
        var rests = new string[30];
        var spare = new List<int>[5];
        int moved = 0;
        for (int macroblock = 0; macroblock < 5; macroblock++)
        {
            int at = ((sequence * 150) + DvSystem.VideoPlace(number + macroblock)) * 80, bit = (at + 4) * 8;
            frame[at + 3] = (byte)(0xF0 | blocks[macroblock * 6].Quantizer);
            spare[macroblock] = [];
            for (int i = 0; i < 6; i++)
            {
                int room = i < 4 ? 112 : 80;
                string bits = blocks[(macroblock * 6) + i].Bits();
                rests[(macroblock * 6) + i] = Put(frame, Enumerable.Range(bit, room), bits, spare[macroblock]);
                moved += rests[(macroblock * 6) + i].Length != 0 ? 1 : 0;
                bit += room;
            }
        }
        List<int> last = [];
        for (int macroblock = 0; macroblock < 5; macroblock++)
        {
            for (int i = 0; i < 6; i++)
                rests[(macroblock * 6) + i] = PutInto(frame, spare[macroblock], rests[(macroblock * 6) + i]);
            last.AddRange(spare[macroblock]);
        }
        for (int i = 0; i < 30; i++)
            Assert.Empty(PutInto(frame, last, rests[i]));
        return moved;
    }

    private static string Put(byte[] frame, IEnumerable<int> places, string bits, List<int> spare)
    {
        int at = 0;
        foreach (int place in places)
        {
            if (at == bits.Length)
                spare.Add(place);
            else
                frame[place / 8] = (byte)((frame[place / 8] & ~(0x80 >> place % 8)) | (bits[at++] == '1' ? 0x80 >> place % 8 : 0));
        }
        return bits[at..];
    }

    private static string PutInto(byte[] frame, List<int> spare, string bits)
    {
        int[] places = [.. spare];
        spare.Clear();
        return Put(frame, places, bits, spare);
    }

    private static Dictionary<(int, int), string> Codes()
    {
        // Lengths and, from the first code of each on, what they mean.
        (int Bits, string Means)[] rows =
        [
            (2, "0.1"), (3, "0.2"), (4, "end 1.1 0.3 0.4"), (5, "2.1 1.2 0.5 0.6"), (6, "3.1 4.1 0.7 0.8"), (7, "5.1 6.1 2.2 1.3 1.4 0.9 0.10 0.11"),
            (8, "7.1 8.1 9.1 10.1 3.2 4.2 2.3 1.5 1.6 1.7 0.12 0.13 0.14 0.15 0.16 0.17"), (9, "11.1 12.1 13.1 14.1 5.2 6.2 3.3 4.3 2.4 2.5 1.8 0.18 0.19 0.20 0.21 0.22"),
            (10, "5.3 3.4 3.5 2.6 1.9 1.10 1.11"), (11, "0.0 1.0 6.3 4.4 3.6 1.12 1.13 1.14"),
            (12, "2.0 3.0 4.0 5.0 7.2 8.2 9.2 10.2 7.3 8.3 4.5 3.7 2.7 2.8 2.9 2.10 2.11 1.15 1.16 1.17"),
        ];
        int[] firsts = [0b00, 0b010, 0b0110, 0b10100, 0b110000, 0b1101000, 0b11100000, 0b111100000, 0b1111100000, 0b11111001110, 0b111110101100];
        Dictionary<(int, int), string> codes = [];
        for (int i = 0; i < rows.Length; i++)
        {
            string[] means = rows[i].Means.Split(' ');
            for (int j = 0; j < means.Length; j++)
            {
                string code = Convert.ToString(firsts[i] + j, 2).PadLeft(rows[i].Bits, '0');
                int[] parts = means[j] == "end" ? [-1, 0] : [.. means[j].Split('.').Select(int.Parse)];
                codes[(parts[0], parts[1])] = code;
            }
        }
        for (int run = 6; run < 62; run++)
            codes[(run, 0)] = "1111110" + Convert.ToString(run, 2).PadLeft(6, '0');
        for (int amplitude = 23; amplitude < 256; amplitude++)
            codes[(0, amplitude)] = "1111111" + Convert.ToString(amplitude, 2).PadLeft(8, '0');
        return codes;
    }

    private sealed class Block(int dc, bool isSplit, int kind, int quantizer)
    {
        public int[] Levels { get; } = new int[64];

        public int Quantizer => quantizer;

        public string Bits()
        {
            string bits = Convert.ToString(dc & 0x1FF, 2).PadLeft(9, '0') + (isSplit ? "1" : "0") + Convert.ToString(kind, 2).PadLeft(2, '0');
            int run = 0;
            for (int i = 1; i < 64; i++)
            {
                if (Levels[i] == 0)
                {
                    run++;
                    continue;
                }
                int amplitude = Math.Abs(Levels[i]);
                if (!_codes.TryGetValue((run, amplitude), out string? code))
                    code = (run == 0 ? "" : _codes[(run - 1, 0)]) + _codes[(0, amplitude)];
                bits += code + (Levels[i] < 0 ? "1" : "0");
                run = 0;
            }
            return bits + _codes[(-1, 0)];
        }

        public double[] Samples()
        {
            var coefficients = new double[64];
            coefficients[0] = dc * 4;
            for (int i = 1; i < 64; i++)
            {
                int at = isSplit ? _pairs[i / 2] + (i % 2 * 32) : _scan[i], area = i < 6 ? 0 : i < 21 ? 1 : i < 43 ? 2 : 3;
                int shift = _shifts[Math.Min(quantizer + _firstRows[kind], 15)][area] - '0';
                double weight = Weight(at % 8) * Weight(isSplit ? at / 8 % 4 * 2 : at / 8) / 2;
                coefficients[at] = Levels[i] * (kind == 3 ? 2 : 1) * (1 << shift) / weight;
            }
            var samples = new double[64];
            for (int i = 0; i < 64; i++)
            {
                int x = i % 8, y = i / 8;
                for (int j = 0; j < 64; j++)
                {
                    int h = j % 8, v = j / 8;
                    if (isSplit && v < 4)
                        samples[i] += Factor(h) * Factor(v) * (coefficients[j] + ((y % 2 == 0 ? 1 : -1) * coefficients[j + 32])) * Math.Cos(Math.PI * v * ((2 * (y / 2)) + 1) / 8) * Math.Cos(Math.PI * h * ((2 * x) + 1) / 16);
                    else if (!isSplit)
                        samples[i] += Factor(h) * Factor(v) * coefficients[j] * Math.Cos(Math.PI * v * ((2 * y) + 1) / 16) * Math.Cos(Math.PI * h * ((2 * x) + 1) / 16);
                }
            }
            return samples;
        }

        private static double Factor(int frequency) => frequency == 0 ? 0.5 / Math.Sqrt(2) : 0.5;

        private static double Weight(int frequency)
        {
            double[] c = [.. Enumerable.Range(0, 8).Select(m => Math.Cos(m * Math.PI / 16))];
            return frequency switch
            {
                0 => 1,
                1 => c[4] / (4 * c[7] * c[2]),
                2 => c[4] / (2 * c[6]),
                3 => 1 / (2 * c[5]),
                4 => 7.0 / 8,
                5 => c[4] / c[3],
                6 => c[4] / c[2],
                _ => c[4] / c[1],
            };
        }
    }
}
