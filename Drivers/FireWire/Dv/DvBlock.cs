using System;

namespace Sluice.Drivers.Dv;

/// <summary>
/// What is known of a block while its codes are read, which may be in three places. Source: IEC 61834-2, section 7; SMPTE 314M, section 5 (quantization,
/// variable length coding, arrangement of a compressed macroblock).
/// </summary>
internal struct DvBlock
{
    private const int Coefficients = 64, HeaderBits = 12;

    // The beginning of a code that goes on elsewhere.
    private uint _partial;
    private int _partialBits, _place, _row;
    private bool _isFine;

    /// <summary>Its end was read.</summary>
    public bool IsDone { get; private set; }

    /// <summary>Two fields, each transformed for itself: their sums are in the first four rows, their differences in the others.</summary>
    public bool IsSplit { get; private set; }

    /// <summary>It has more than one coefficient.</summary>
    public bool HasDetail { get; private set; }

    /// <summary>Begins with the first bits: DC coefficient, mode, class.</summary>
    /// <param name="quantizer">Of the macroblock, 0 to 15.</param>
    public void Begin(ref DvBits bits, int quantizer, Span<int> coefficients)
    {
        const int coarsest = 3;
        uint header = bits.Peek();
        bits.Skip(HeaderBits);
        // A quarter of what it is.
        coefficients[0] = ((short)header >> 7) * 4;
        IsSplit = (header >> 6 & 1) != 0;
        int kind = (int)(header >> 4) & 3;
        // Rows of the table of quantization: class 0 is the finest, the last doubles what the one before has.
        _row = quantizer + Rows[kind];
        _isFine = kind != coarsest;
    }

    /// <summary>Reads codes until the block or the bits end.</summary>
    public void Read(ref DvBits bits, DvTables tables, Span<int> coefficients)
    {
        while (!IsDone)
        {
            int left = bits.Left;
            uint window = (_partial << DvCode.MostBits - _partialBits | bits.Peek() >> _partialBits) & 0xFFFF;
            int used = DvCode.Read(window, out int run, out int amplitude);
            if (used > _partialBits + left)
            {
                _partialBits += left;
                _partial = window >> DvCode.MostBits - _partialBits;
                bits.Skip(left);
                return;
            }
            bits.Skip(used - _partialBits);
            _partialBits = 0;
            _partial = 0;
            _place += run + 1;
            // What goes on behind the last coefficient is no picture.
            IsDone = run == DvCode.End || _place >= Coefficients;
            if (IsDone || amplitude == 0)
                continue;
            HasDetail = true;
            int at = IsSplit ? tables.SplitOrder[_place] : tables.Order[_place];
            coefficients[at] = tables.Weigh(amplitude << Shift(_place) + (_isFine ? 1 : 2), at % 8, IsSplit ? at / 8 % 4 * 2 : at / 8);
        }
    }

    private static ReadOnlySpan<byte> Rows => [6, 3, 0, 1];

    // Four areas, the last of them coarsest; every second row is finer by half a step.
    private readonly int Shift(int place)
    {
        int area = place < 6 ? 0 : place < 21 ? 1 : place < 43 ? 2 : 3;
        return _row > 14 ? 0 : Math.Max(6 - _row / 2 + area >> 1, 0);
    }
}
