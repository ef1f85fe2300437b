/** A receipt as a page to print: no script, no picture, nothing from elsewhere. */
import { dollarsText } from '@zerogpu/protocol';
import type { PaymentRow } from './payments.ts';
import { isTestMoney } from './provider.ts';

export interface Receipt {
  readonly organization: string;
  readonly payment: PaymentRow;
}

const STYLE = `body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color:#111}
h1{font-size:1.5rem}table{width:100%;border-collapse:collapse}th,td{text-align:left;padding:.5rem 0;border-bottom:1px solid #ccc}
td{text-align:right}.test{border:2px solid #b00;padding:.5rem 1rem;font-weight:bold}@media print{body{margin:0}}`;

export function receiptPage({ organization, payment }: Receipt): string {
  const { amount, refunded } = payment;
  const rows: [string, string][] = [
    ['Receipt', payment.id],
    ['Date', (payment.settled_at ?? payment.created_at).toISOString().slice(0, 10)],
    ['Billed to', organization],
    ['For', payment.source === 'manual' ? 'Credit' : 'Credit by auto recharge'],
    ['Paid with', `${payment.brand} •••• ${payment.last_four}`],
    ['Amount', `$${dollarsText(amount)}`],
  ];
  if (refunded > 0n) {
    rows.push(['Refunded', `-$${dollarsText(refunded)}`], ['Total', `$${dollarsText(amount - refunded)}`]);
  }
  const test = isTestMoney(payment.provider) ? '<p class="test">Test money: nothing was paid</p>' : '';
  const table = rows.map(
    ([name, value]) => `<tr><th scope="row">${name}</th><td>${escapeHtml(value)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Receipt ${escapeHtml(payment.id)}</title>
<style>${STYLE}</style></head>
<body><h1>Receipt</h1>${test}<table>${table.join('')}</table></body></html>
`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
